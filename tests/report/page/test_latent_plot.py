"""The plot of E_q[z] by label, from projector files."""

from pathlib import Path

import numpy as np

from vaerun.image.embedding import Embedding
from vaerun.report.page.latent_plot import labelled, latent_plot, numeric_first
from vaerun.report.page.plot import render_plot
from vaerun.tracking.projector import write


def test_points_and_labels_are_read_as_the_projector_has_them(tmp_path: Path) -> None:
    z = np.random.default_rng(0).normal(size=(12, 4))
    names = np.array(["b", "unknown", "a\tc"] * 4)
    write(tmp_path, Embedding("z", z, {"label": names, "elbo": np.zeros(12)}))
    found = labelled(tmp_path)
    assert found is not None
    np.testing.assert_allclose(found.z, z, rtol=1e-3)
    assert list(found.names) == ["b", "unknown", "a c"] * 4  # a tab would end the column
    drawn = render_plot(latent_plot(found, name="latents_1", title="run"))
    assert "unknown" in drawn.drawing
    assert "component 1" in drawn.drawing


def test_no_labels_and_damaged_files_are_left_out(tmp_path: Path) -> None:
    assert labelled(tmp_path) is None
    write(tmp_path, Embedding("z", np.zeros((3, 2)), {"index": np.arange(3), "elbo": np.zeros(3)}))
    assert labelled(tmp_path) is None
    write(tmp_path, Embedding("z", np.zeros((3, 2)), {"label": np.array(list("abc")), "elbo": np.zeros(3)}))
    assert labelled(tmp_path) is not None
    (tmp_path / "projector" / "tensors.tsv").write_text("1\t2\nx\t1\n")
    assert labelled(tmp_path) is None


def test_numbers_come_first_in_their_order() -> None:
    assert sorted(["b", "10", "2", "a"], key=numeric_first) == ["2", "10", "a", "b"]
