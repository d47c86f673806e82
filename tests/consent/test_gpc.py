"""What a browser's opt-out says (R5, R7): 1 denies, everything else says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import GPC, ConsentRules, JurisdictionRule, Reading, Verdicts
from cdp.consent.decoders.gpc import read_gpc
from tests.consent.banner import NOON, anything, shared_vectors
from tests.consent.house import ADS, RULES, mask


def read(raw: object, rules: ConsentRules = RULES, place: str = "EU") -> Reading | None:
    return read_gpc(raw, rules, place, NOON)


@pytest.mark.parametrize("value", ["1", "1, 1", "1,1", " 1 ", "\t1", True])
def test_an_opt_out_denies_the_purposes_that_say_so(value: object) -> None:
    reading = read(value)
    assert reading is not None
    assert reading.verdicts == Verdicts(denies=mask(ADS))
    assert reading.opts_out


@pytest.mark.parametrize(
    "value", [None, "", "0", "true", "11", "1,0", "1;1", "?1", "1,", "１", False]
)
def test_anything_but_1_says_nothing(value: object) -> None:
    assert read(value) is None


@pytest.mark.parametrize("value", [1, 0, 1.0, [], {}, ["1"]])
def test_a_flag_that_is_no_boolean_is_unreadable(value: object) -> None:
    reading = read(value)
    assert reading is not None
    assert reading.problem == "gpc.not_boolean"
    assert reading.verdicts == Verdicts(unreadable=mask(ADS))


def test_a_jurisdiction_can_switch_gpc_off_and_an_unlisted_one_cannot() -> None:
    rules = ConsentRules(
        version="2",
        scopes=RULES.scopes,
        jurisdictions={
            "KR": JurisdictionRule(
                key="KR",
                default=RULES.jurisdictions["KR"].default,
                zone="Asia/Seoul",
                gpc=GPC.IGNORE,
            )
        },
    )
    assert read("1", rules, "KR") is None
    reading = read("1", rules, "MARS")
    assert reading is not None
    assert reading.verdicts == Verdicts(denies=mask(ADS))


def test_an_empty_policy_hears_nothing() -> None:
    assert read("1", ConsentRules(version="0"), "KR") is None


@given(anything | st.text(alphabet="1, \t0", max_size=6))
def test_no_input_raises_and_none_grants(raw: object) -> None:
    reading = read(raw)
    assert reading is None or reading.verdicts.grants == 0


def test_the_published_examples_of_gpc() -> None:
    for case in shared_vectors("segment_gpc.json")["gpc"]["cases"]:
        name, value = case["header"].split(": ")
        heard = read(value if name == "Sec-GPC" else None, RULES, "US-CA")
        # The vector leaves a doubled header open; here it is an opt-out.
        assert (heard is not None) == (case["signal"] or value == "1, 1")
