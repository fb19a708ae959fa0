"""vaerun sample, from the words typed to the files written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.composition import composed
from tests.runs import TINY, train
from vaerun import cli
from vaerun.experiment.fit import fit

KINDS = ("prior", "reconstructions", "interpolation", "traversal")
RUNS = {
    "amortized": (),
    "coordinate": ("strategy=coordinate", "strategy.test_steps=20", "trainer.epochs=1"),
    "bits": ("posterior=bernoulli", "estimator=score"),
    "one_hot": ("posterior=categorical", "estimator=score", "posterior.num_classes=3", "model.latent_dim=6"),
    "sigmoid_belief": ("model=sigmoid_belief", "model.layers=[4,3]", "posterior=bernoulli", "estimator=score"),
    "hierarchical": ("model=hierarchical", "model.layers=[3,2]"),
    "linear_gaussian": ("model=linear_gaussian", "model.latent_dim=3", "data.binarize=none"),
}
LATENT_DIM = {"one_hot": 6, "sigmoid_belief": 7, "hierarchical": 5}

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run of every kind; other models than the VAE have other keys."""
    folder = tmp_path_factory.mktemp("runs")
    for name, words in RUNS.items():
        other = any(word.startswith("model=") for word in words)
        tiny = [word for word in TINY if not (other and word.startswith("model."))]
        cfg, choices = composed([*tiny, *words])
        fit(cfg, choices, folder / name, live=False)
    return folder


@pytest.fixture
def vaerun(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """(exit code, stdout, stderr) of a command line in the folder of the runs."""
    monkeypatch.chdir(root)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("VAERUN_TRACEBACK", "")
        monkeypatch.setenv("HYDRA_FULL_ERROR", "")
        return cli.dispatch(["sample", *words]), *capsys.readouterr()

    return call


def contents(folder: Path) -> dict[str, bytes]:
    """The files by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_new_points_of_a_per_point_run_have_a_phi_of_their_own(root: Path, vaerun: Call, tmp_path: Path) -> None:
    """More points than the run has validated, whose φ is stored in the same places."""
    x = (np.random.default_rng(0).random((230, 8, 8)) < 0.3).astype(np.uint8)
    np.save(tmp_path / "new.npy", x)
    np.save(tmp_path / "few.npy", x[:5])
    for name in ("new", "few"):
        words = (f"data.path={tmp_path / name}.npy", "-n", "8", "--out", str(tmp_path / name))
        code, _, err = vaerun("coordinate", *words)
        assert (code, err) == (0, ""), err
        assert (tmp_path / name / "reconstructions.npz").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_every_picture_has_its_numbers_in_the_shape_of_the_data(root: Path, vaerun: Call, name: str) -> None:
    code, out, err = vaerun(name, "--n", "10", "--seed", "1", "--latents=2")
    assert code == 0
    assert ("Var_x E_q[z_d] is at most" in err) == (err != "")
    folder = root / name / "samples"
    expected = [f"{name}/samples/{kind}.{suffix}" for kind in KINDS for suffix in ("npz", "png")]
    assert out.split() == expected
    assert sorted(contents(folder)) == sorted(Path(path).name for path in expected)
    drawn = {kind: dict(np.load(folder / f"{kind}.npz")) for kind in KINDS}
    latent_dim = LATENT_DIM.get(name, 3)
    for arrays in drawn.values():
        assert arrays["x"].shape[-2:] == arrays["mean"].shape[-2:] == (8, 8)
        assert arrays["z"].shape[:-1] == arrays["mean"].shape[:-2]
        assert arrays["z"].shape[-1] == latent_dim
    assert drawn["prior"]["x"].shape == drawn["reconstructions"]["x"].shape == (10, 8, 8)
    assert drawn["interpolation"]["index"].shape == (8, 2)
    assert len(drawn["traversal"]["latent"]) <= 2
    for kind in KINDS:
        with Image.open(folder / f"{kind}.png") as picture:
            assert picture.mode == "L"
            assert picture.size[0] > 200


@pytest.mark.parametrize("name", ["amortized", "coordinate", "bits"])
def test_the_same_seed_writes_the_same_files(root: Path, vaerun: Call, name: str) -> None:
    written = []
    for words in (["--n=5", "--seed=3"], ["--seed=3", "--n", "5"], ["--seed", "3", "--n", "5"], ["--n=5", "--seed=4"]):
        assert vaerun(name, *words)[0] == 0
        written.append(contents(root / name / "samples"))
    assert written[0] == written[1] == written[2]
    assert written[0]["prior.npz"] != written[3]["prior.npz"]


def test_no_amount_changes_what_another_draws(root: Path, vaerun: Call) -> None:
    vaerun("amortized", "--n", "5", "--pairs", "2", "--latents", "1")
    before = contents(root / "amortized" / "samples")
    vaerun("amortized", "--n", "6", "--pairs", "2", "--latents", "1")
    after = contents(root / "amortized" / "samples")
    assert {name for name in before if before[name] != after[name]} == {
        f"{kind}.{suffix}" for kind in ("prior", "reconstructions") for suffix in ("npz", "png")
    }


def test_the_points_to_go_between_can_be_chosen(root: Path, vaerun: Call) -> None:
    code, _, _ = vaerun("amortized", "--points", "3,17,5,40")
    arrays = np.load(root / "amortized" / "samples" / "interpolation.npz")
    assert code == 0
    assert arrays["index"].tolist() == [[3, 17], [5, 40]]
    assert arrays["mean"].shape == (2, 9, 8, 8)
    assert set(np.unique(arrays["x"])) == {0.0, 1.0}


def test_vectors_have_numbers_and_a_plane_has_a_manifold(root: Path, vaerun: Call) -> None:
    rows = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    np.save(root / "vectors.npy", rows)
    data = ("data=arrays", f"data.path={root / 'vectors.npy'}", "model/likelihood=gaussian", "model.latent_dim=2")
    train(root / "vectors", *data, "trainer.batch_size=100")
    code, out, err = vaerun("vectors", "--checkpoint=last")
    assert code == 0
    assert out.split() == [f"vectors/samples/{kind}.npz" for kind in (*KINDS, "manifold")]
    assert err.splitlines()[-1] == (
        "vaerun: vectors: points of shape (5,) are not grey or colour images: only arrays are written"
    )
    arrays = np.load(root / "vectors" / "samples" / "manifold.npz")
    assert arrays["mean"].shape == (20, 20, 5)
    assert arrays["z"].shape == (20, 20, 2)


def test_colour_images_have_colour_pictures(root: Path, vaerun: Call) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (300, 4, 6, 3), dtype=np.uint8)
    np.save(root / "colour.npy", rows)
    data = (
        "data=arrays",
        f"data.path={root / 'colour.npy'}",
        "data.layout=channels_last",
        "model/likelihood=gaussian",
        "model.latent_dim=2",
    )
    train(root / "colour", *data, "trainer.batch_size=100")
    assert vaerun("colour", "--n=9", "--checkpoint", "last")[0] == 0
    assert np.load(root / "colour" / "samples" / "interpolation.npz")["x"].shape == (8, 2, 4, 6, 3)
    for kind in (*KINDS, "manifold"):
        with Image.open(root / "colour" / "samples" / f"{kind}.png") as picture:
            assert picture.mode == "RGB"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--nn", "3"], "Did you mean '--n'"),
        (["--json"], "vaerun sample has no flag --json"),
        (["--n"], "--n needs a value, such as --n 64"),
        (["--n", "--seed", "1"], "--n needs a value, such as --n 64"),
        (["--n", "0"], "--n must be a whole number at least 1, got '0'"),
        (["--n="], "whole number"),
        (["--n", "-3"], "--n must be a whole number at least 1, got '-3'"),
        (["--seed", "0.5"], "--seed must be a whole number from 0 to 2^63 − 1, got '0.5'"),
        (["--seed", "99999999999999999999"], "from 0 to 2^63 − 1"),
        (["--latents=none"], "write, for example, --latents 8"),
        (["--points", "3"], "--points must be pairs of whole numbers, got '3'"),
        (["--points", "3,b"], "write, for example, --points 3,17"),
        (["n=5"], "n=5 must be written as a flag of vaerun sample: --n 5."),
        (["checkpoint=last"], "--checkpoint last"),
        (["--points", "0,200"], "which has 200: give --points between 0 and 199"),
        (["--checkpoint", "lost"], "Did you mean 'last'"),
        (["device=cpu"], "Did you mean 'execution.device'"),
        (["strategy=joint"], "the run keeps the value that it was trained with"),
        (["n"], "n does not exist"),
    ],
)
def test_a_users_error_is_one_sentence(vaerun: Call, words: list[str], sentence: str) -> None:
    code, out, err = vaerun("amortized", *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_a_condition_chooses_the_class(root: Path, vaerun: Call) -> None:
    train(root / "given", "data.condition=y", "model/prior=conditional_normal")
    code, _, _ = vaerun("given", "--n", "15", "--out", "all")
    assert code == 0
    drawn = np.load(root / "all" / "prior.npz")
    assert drawn["given"].argmax(1).tolist() == [y for y in range(10) for _ in range(2)]  # a row for each class
    assert drawn["mean"].shape == (20, 8, 8)
    assert vaerun("given", "--n", "4", "--condition", "y=3", "--out", "three")[0] == 0
    assert np.load(root / "three" / "prior.npz")["given"].tolist() == np.eye(10)[[3] * 4].tolist()
    code, out, err = vaerun("given", "--condition", "y=33")
    assert (code, out) == (2, "")
    assert "y=33 is not a class of the training data. Did you mean '3'? The classes of y are 0, 1," in err
    code, _, err = vaerun("amortized", "--condition", "y=3")
    assert code == 2
    assert "has no condition, so none can be given: train it with data.condition=y" in err
