"""Files may hold anything: the page says what can be read, and never ends in a traceback."""

import copy
import json

import pytest
import yaml

from tests.report.fabricate import config, records, run, seeds, summary
from vaerun.errors import UserError
from vaerun.report.comparison import compare
from vaerun.report.matched import At
from vaerun.report.page.document import text_values
from vaerun.report.page.series import Logs
from vaerun.report.page.template import render
from vaerun.report.recorded import find

SUMMARY = summary(elbo=-27.0) | {"versions": {"vaerun": "0.1.0", "torch": "2.6"}}


def parts(root):
    for at in (None, At("steps", 15.0)):
        try:
            comparison = compare(list(find([root], str)), at=at, mixed=True)
        except UserError:
            continue
        yield render("report.html", **text_values(comparison, root / "report"))
        for one in Logs.of(comparison.rows).bounds("elbo/valid"):
            assert one.bands or one.incomplete or one.curves


def put(made, key, value):
    node, _, name = key.partition(".")
    (made[node] if name else made)[name or node] = value


@pytest.mark.parametrize("value", [None, "x", [1], {"a": {}}, 10**400], ids=["null", "word", "list", "mapping", "huge"])
def test_no_value_in_a_file_ends_in_a_traceback(tmp_path, value):
    seeds(tmp_path, "coordinate", [-26.0])
    spoiled = run(tmp_path / "x", config=config(), summary=SUMMARY, records=records([-30.0, -29.0]))
    for key in (*SUMMARY, "versions.torch", "data.name", "data.binarize", "data.split_sizes", "parameters.phi"):
        made = copy.deepcopy(SUMMARY)
        put(made, key, value)
        (spoiled / "summary.json").write_text(json.dumps(made))
        assert all("coordinate" in text or "digits" in text for text in parts(tmp_path))
    (spoiled / "summary.json").write_text(json.dumps(SUMMARY))
    for key in (*config(), "evaluation.points", "trainer.validation.points", "choices.strategy"):
        made = config()
        put(made, key, value)
        (spoiled / "config.yaml").write_text(yaml.safe_dump(made))
        assert list(parts(tmp_path))
    (spoiled / "config.yaml").write_text(yaml.safe_dump(config()))
    for key in ("step", "train_seconds", "decoder_evaluations", "elbo/valid"):
        curve = [one | ({key: value} if key in one else {}) for one in records([-3.0, -2.0])]
        (spoiled / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in curve))
        assert list(parts(tmp_path))
