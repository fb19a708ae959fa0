"""Check methods against exact answers on this machine.

Without arguments, every option is checked on small problems whose exact answers are known: gradients against sums over
all z, densities against integrals, bounds against log p(x), strategies against the maximum likelihood. Arguments choose
what is checked. An option of your own under ./conf is checked like any other.

  estimator=score estimator/baseline=learned posterior=bernoulli objective=iwae   what is checked, and the problems
  strategy=semi_amortized strategy/encoder_loss=unrolled   a choice in a group that belongs to an option
  estimator.tau=0.3   a value for a key of an option in the arguments

The probability that a correct method fails by chance is below 1e-6 in each call. Exit code 0: all claims hold; 1: at
least one fails. The whole table takes about a minute on one core; an estimator that is named in the arguments is
checked with up to four times as many samples.

Examples:
  vaerun verify estimator=disarm
  vaerun verify posterior=full_gaussian --device cuda
"""

import itertools
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vaerun.command.parser import parse
from vaerun.errors import UserError, close_key, counted

if TYPE_CHECKING:
    from vaerun.verify.claim import Claim

COLUMNS = (26, 52, 50, 20, 12)


def main(argv: Sequence[str]) -> int:
    """Prints a line for each kind of claim, and for each claim that fails; returns the exit code.

    Raises:
        UserError: an argument is wrong, an option does not exist, or choices do not fit together.
    """
    from vaerun.config import hydra
    from vaerun.config.catalogue import Catalogue
    from vaerun.verify.offer import Offer

    given = parse("verify", argv)
    catalogue = Catalogue(hydra.roots())
    chosen, keys = choices_and_keys(given.words, catalogue)
    offer = Offer(catalogue, chosen, keys)
    # All checks that do not need torch are done.
    from vaerun.execution.device import choose_device
    from vaerun.verify.laws import CONCERNS, verify

    idle = [group for group in chosen if group not in CONCERNS]
    if idle:
        raise UserError(f"{idle[0]} cannot be verified: vaerun verify has checks for {', '.join(CONCERNS)}.")
    try:
        device = choose_device(given.device)
    except UserError as refusal:
        raise UserError(
            str(refusal).replace("execution.device=", "--device ").replace("execution.device", "--device")
        ) from None
    start = time.monotonic()
    claims = verify(offer, seed=given.seed, device=device)
    done = list(claims) if given.json else list(shown(claims))
    tried = [claim for claim in done if claim.holds is not None]
    if not tried:
        raise UserError("there is no problem with a known answer for these choices, so nothing was verified.")
    failed = [claim for claim in tried if not claim.holds]
    if given.json:
        facts = {"hold": len(tried) - len(failed), "fail": len(failed), "seed": given.seed, "device": str(device)}
        seconds = round(time.monotonic() - start, 1)
        print(
            json.dumps(
                {**facts, "seconds": seconds, "claims": [document(c) for c in done]}, ensure_ascii=False, indent=2
            )
        )
    else:
        print(summary(len(tried), failed))
    return 1 if failed else 0


def choices_and_keys(words: Iterable[str], catalogue: Any) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """The arguments as options by group, and as values of keys by group.

    Raises:
        UserError: an argument is not GROUP=OPTION or GROUP.KEY=VALUE, or the group does not exist.
    """
    from omegaconf import OmegaConf

    chosen: dict[str, str] = {}
    keys: dict[str, dict[str, Any]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"vaerun verify cannot read {word!r}: write GROUP=OPTION or GROUP.KEY=VALUE.")
        group, dot, key = name.replace(".", "/").rpartition("/")
        if "." in name and dot and group in catalogue.groups:
            read: Any = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={value}"]))
            keys.setdefault(group, {})[key] = read["value"]
        elif name in catalogue.groups:
            chosen[name] = value
        else:
            near = close_key(name, catalogue.groups)
            raise UserError(f"there is no group {name!r}.{near} The groups are {', '.join(catalogue.groups)}.")
    return chosen, keys


def shown(claims: Iterable["Claim"]) -> Iterator["Claim"]:
    """The claims; those of a method are printed as soon as all of them are computed."""
    print(line("method", "problem", "claimed", "measured", "z or error", "verdict"))
    for _, of_one in itertools.groupby(claims, lambda claim: claim.method):
        together = list(of_one)
        for row in rows(together):
            print(row, flush=True)
        yield from together


def rows(claims: Sequence["Claim"]) -> Iterator[str]:
    """One line for all claims of a kind that hold, with the worst value, and one for each claim that fails."""
    kinds: dict[str, list[Claim]] = {}
    for claim in claims:
        kinds.setdefault(claim.claimed, []).append(claim)
    for claimed, some in kinds.items():
        holding = [claim for claim in some if claim.holds]
        if holding:
            worst = max(holding, key=lambda claim: claim.strain)
            others = f" (worst of {len(holding)})" if len(holding) > 1 else ""
            problem = f"{worst.problem}{others}" if worst.strain or not others else f"{len(holding)} problems"
            yield line(worst.method, problem, claimed, worst.measured, score(worst), "holds")
        for claim in (claim for claim in some if claim.holds is False):
            yield line(claim.method, claim.problem, claimed, claim.measured, score(claim), "FAILS")
        for claim in (claim for claim in some if claim.holds is None):
            yield line(claim.method, claim.problem, "left out", claim.measured, "", "")


def line(*cells: str) -> str:
    """Cells in columns; a cell that is too long moves the next ones to the right."""
    *padded, last = cells
    return " ".join([*(cell.ljust(width) for cell, width in zip(padded, COLUMNS, strict=True)), last]).rstrip()


def score(claim: "Claim") -> str:
    """The z-score or the error with few digits."""
    if claim.z is not None:
        return f"z = {claim.z:.1f}" if claim.z < 1000 else f"z = {claim.z:.0e}"
    return "" if claim.error is None else f"{claim.error:.2g}"


def summary(tried: int, failed: Sequence["Claim"]) -> str:
    """The last line: how many claims hold, or which methods have claims that fail."""
    if not failed:
        return counted(tried, "claim holds", "claims hold")
    methods = ", ".join(dict.fromkeys(claim.method for claim in failed))
    return f"{len(failed)} of {counted(tried, 'claim fails', 'claims fail')}, of {methods}"


def document(claim: "Claim") -> Mapping[str, Any]:
    """A claim as JSON, in which infinity is null."""
    words = {True: "holds", False: "fails", None: "left out"}
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in claim._asdict().items()
    }
    return {**{key: value for key, value in finite.items() if key != "strain"}, "verdict": words[claim.holds]}
