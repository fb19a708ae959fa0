import resource

from vaerun.data import free_memory as module
from vaerun.data.free_memory import free_memory


def test_the_smallest_of_the_three_limits_is_what_is_free(tmp_path, monkeypatch):
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
