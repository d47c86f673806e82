"""``cdp bench consent``: strings decoded, and decisions taken, in a second.

The same made-up TC strings go through our decoder and through PyPI's ``iab-tcf``, in
turns and in one process; the best of several rounds counts, slice by slice. Ours
decodes afresh every time; what its memory of recent strings would save is told apart.
Vendors stay as they came on our side, so a second rate has every set of every string
expanded.

Before anything is measured, both sides must have read the same in every string.
"""

import importlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, ClassVar, Final

import click

from cdp.cli.bench.decisions import measure
from cdp.cli.bench.report import Report, rounded, show
from cdp.cli.bench.tc_strings import make_tc_strings
from cdp.cli.console import EXIT_NO, err, json_option
from cdp.consent import Recent, TCString, decode_tc_string
from cdp.kernel import CdpError

_PEER: Final = "iab_tcf"
_ASKED: Final = range(1, 64)
_SLICE: Final = 20


class NoPeerError(CdpError):
    """The operator: the package that we are measured against is not installed."""

    code: ClassVar[str] = "bench.no_peer"


class PeerDiffersError(CdpError):
    """Us: the two decoders do not read the same, so their times say nothing."""

    code: ClassVar[str] = "bench.peer_differs"


@click.command()
@click.option("--strings", default=1_000, show_default=True, type=int)
@click.option("--decisions", default=100_000, show_default=True, type=int)
@click.option("--rounds", default=5, show_default=True, type=int, help="Best of.")
@json_option
def consent(strings: int, decisions: int, rounds: int, as_json: bool) -> None:
    """Measure TC strings a second against iab-tcf, and decisions a second.

    \b
    cdp bench consent --json
    """
    try:
        peer = _peer()
    except NoPeerError as error:
        err.print(f"{error.code}: {error}", markup=False, soft_wrap=True)
        raise click.exceptions.Exit(EXIT_NO) from error
    made = make_tc_strings(strings, seed=1)
    for text in made:
        _compare(decode_tc_string(text), peer(text))
    remembered = Recent(decode_tc_string, capacity=strings)
    sides: list[Callable[[str], object]] = [
        decode_tc_string,
        peer,
        _decode_and_expand,
        remembered,
    ]
    ours, theirs, expanded, again = (
        strings / seconds for seconds in _best(sides, made, rounds)
    )
    taken = measure(decisions=decisions)
    show(
        Report(
            name="consent",
            unit="TC strings/s",
            figure=rounded(ours),
            limit=rounded(theirs),
            ratio=rounded(ours / theirs),
            bar="ratio at least 10; 200,000 decisions/s",
            detail={
                "strings": strings,
                "rounds": rounds,
                "characters": round(sum(map(len, made)) / strings),
                "microseconds": rounded(1e6 / ours),
                "all_sets_expanded_s": rounded(expanded),
                "all_sets_expanded_ratio": rounded(expanded / theirs),
                "remembered_s": rounded(again),
                "decisions_s": rounded(taken.per_second),
                "decisions_median_s": rounded(taken.median),
            },
        ),
        as_json=as_json,
    )


def _peer() -> Callable[[str], Any]:
    try:
        decode: Callable[[str], Any] = importlib.import_module(_PEER).decode
    except ImportError as failure:
        raise NoPeerError(
            "iab-tcf is missing; install it with: "
            "python -m pip install --require-hashes -r requirements-bench.lock"
        ) from failure
    return decode


def _best(
    sides: Sequence[Callable[[str], object]], made: Sequence[str], rounds: int
) -> list[float]:
    """Return the seconds that each side takes for all strings.

    Slice by slice, each with its best round, for the machine may be shared.
    """
    totals = [0.0] * len(sides)
    for first in range(0, len(made), _SLICE):
        part = made[first : first + _SLICE]
        times = [[_timed(side, part) for side in sides] for _ in range(rounds)]
        totals = [
            total + min(taken)
            for total, taken in zip(totals, zip(*times, strict=True), strict=True)
        ]
    return totals


def _timed(side: Callable[[str], object], part: Sequence[str]) -> float:
    start = time.perf_counter()
    for text in part:
        side(text)
    return time.perf_counter() - start


def _decode_and_expand(text: str) -> None:
    tc = decode_tc_string(text)
    tc.special_feature_opt_ins.ids()
    tc.purposes_consent.ids()
    tc.purposes_li_transparency.ids()
    tc.vendor_consents.ids()
    tc.vendor_legitimate_interests.ids()
    for one in tc.publisher_restrictions:
        one.vendors.ids()
    if tc.disclosed_vendors is not None:
        tc.disclosed_vendors.ids()


def _compare(ours: TCString, theirs: Any) -> None:
    """Refuse to measure two decoders that read different things."""
    same = (
        ours.created == theirs.created.replace(tzinfo=UTC)
        and ours.cmp_id == theirs.cmp_id
        and ours.tcf_policy_version == theirs.tcf_policy_version
        and len(ours.publisher_restrictions) == theirs.num_pub_restrictions
        and all(
            (number in ours.vendor_consents) == theirs.is_vendor_allowed(number)
            and (number in ours.vendor_legitimate_interests)
            == theirs.is_interest_allowed(number)
            and (number in ours.purposes_consent) == theirs.is_purpose_allowed(number)
            for number in _ASKED
        )
    )
    if not same:
        raise PeerDiffersError("iab-tcf and our decoder read a string differently")
