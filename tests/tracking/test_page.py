import pytest

from vaerun.bound.monte_carlo import ELBO, KL
from vaerun.evaluation.marginal import ESS
from vaerun.metric.metric import by_name
from vaerun.tracking.page import code_block, environment, results


def cells(page: str) -> list[list[str]]:
    """The rows of the table, header and rule apart."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@pytest.mark.parametrize("text", ["seed: 0\n", "a\n```\nb\n```\nc", "````"])
def test_a_code_block_cannot_be_ended_from_within(text: str) -> None:
    first, *inside, last = code_block(text, "yaml").splitlines()
    assert first.removesuffix("yaml") == last
    assert set(last) == {"`"}
    assert len(last) >= 3
    assert "\n".join(inside) == text.rstrip()
    assert last not in text


def test_the_environment_is_a_table_of_facts() -> None:
    assert cells(environment({"data": "digits (static)", "odd": "a|b"})) == [
        ["data", "digits (static)"],
        ["odd", "a\\|b"],
    ]


def test_results_say_of_every_metric_what_it_is_with_its_error_beside_it() -> None:
    metrics = {
        "elbo/train": -20.0,
        "kl/test": 0.1234567,
        "elbo/test": -1234.5678,
        "elbo_se/test": 0.25,
        "ess/test": None,
    }
    page = results("completed", None, metrics, by_name((ELBO, KL, ESS)))
    assert page.startswith("**completed**\n\n|")
    assert cells(page) == [
        ["`elbo/test`", "-1,234.568", "± 0.25", "lower bound on mean log p(x)"],
        ["`ess/test`", "not finite", "", "not a bound: effective samples, mean over points"],
        ["`kl/test`", "0.1235", "", "not a bound: KL(q ‖ p(z)), a term of the ELBO"],
        ["`elbo/train`", "-20.000", "", "lower bound on mean log p(x)"],
    ]


def test_results_of_a_run_that_has_failed_say_why() -> None:
    assert results("diverged", "elbo/train became nan", {}, {}).startswith("**diverged**: elbo/train became nan\n\n")
