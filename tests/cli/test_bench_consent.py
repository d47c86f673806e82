"""The measurement of consent: its strings are whole, and it says what is missing."""

import importlib.util
import json
import sys

import pytest
from click.testing import CliRunner

from cdp.cli.bench.consent import consent
from cdp.cli.bench.tc_strings import make_tc_strings
from cdp.cli.console import EXIT_NO
from cdp.consent import decode_tc_string
from tests.consent import tc_encoder


def test_the_made_up_strings_are_whole_and_all_different() -> None:
    made = make_tc_strings(50, seed=1)
    assert made == make_tc_strings(50, seed=1)
    assert len(set(made)) == 50
    for string in made:
        slow = tc_encoder.read(string)
        assert slow is not None
        assert tc_encoder.said_by(decode_tc_string(string)) == tc_encoder.said(slow)


def test_they_hold_every_kind_of_field() -> None:
    decoded = [decode_tc_string(string) for string in make_tc_strings(20, seed=1)]
    kinds = {type(tc.vendor_consents).__name__ for tc in decoded}
    assert kinds == {"BitField", "IdRanges"}
    assert {bool(tc.publisher_restrictions) for tc in decoded} == {False, True}
    assert {tc.disclosed_vendors is None for tc in decoded} == {False, True}


def test_a_missing_package_is_named_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "iab_tcf", None)
    result = CliRunner().invoke(consent, [])
    assert result.exit_code == EXIT_NO
    assert result.output.startswith("bench.no_peer: ")
    assert "requirements-bench.lock" in result.output
    assert result.output.count("\n") == 1


@pytest.mark.skipif(
    importlib.util.find_spec("iab_tcf") is None, reason="the group bench is missing"
)
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp")
def test_both_sides_are_measured_in_one_run() -> None:
    asked = ["--strings", "20", "--decisions", "500", "--rounds", "1", "--json"]
    result = CliRunner().invoke(consent, asked)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["ratio"] == pytest.approx(
        report["figure"] / report["limit"], rel=0.01
    )
    assert report["detail"]["decisions_s"] > 0
