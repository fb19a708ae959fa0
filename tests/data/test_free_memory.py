import resource

from vaerun.data import free_memory as module
from vaerun.data.free_memory import free_memory


def test_the_smallest_of_the_limits_is_what_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(module, "STATM", tmp_path / "statm")
    monkeypatch.setattr(module, "GROUP", tmp_path)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert free_memory() == module.UNKNOWN
    (tmp_path / "meminfo").write_text("MemTotal: 90 kB\nMemAvailable:   50 kB\n")
    assert free_memory() == 50 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("7000\n")
    assert free_memory() == 50 * 1024
    (tmp_path / "memory.max").write_text("10000\n")
    assert free_memory() == 3000
    (tmp_path / "memory.stat").write_text("anon 5000\ninactive_file 900\nactive_file 100\n")
    assert free_memory() == 4000
    (tmp_path / "statm").write_text("2 1 1 1 0 1 0\n")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (2 * resource.getpagesize() + 11, 0))
    assert free_memory() == 11
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "statm").write_text("2 1 1 1 0 5 0\n")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (7 * resource.getpagesize() + 3, 0))
    assert free_memory() == 2 * resource.getpagesize() + 3


def test_control_groups_of_the_first_version_have_a_limit_too(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GROUP", tmp_path)
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("10000\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("7000\n")
    (tmp_path / "memory" / "memory.stat").write_text("cache 1000\ninactive_file 900\nactive_file 100\n")
    assert module._container() == 4000
