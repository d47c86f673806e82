"""What a GPP string says about our scopes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent.decoders.gpp_reader import read_gpp
from cdp.consent.decoders.us_sections import US_LAYOUTS
from cdp.consent.reading import Reading
from cdp.consent.rules import (
    GPC,
    Basis,
    ConsentRules,
    Default,
    JurisdictionRule,
    ScopeRule,
    TCFRole,
    TCFRule,
)
from cdp.consent.signals import Carrier, Verdicts
from tests.consent import gpp_encoder as encoder

_ROOT = Path(__file__).resolve().parents[2]
_OWN = json.loads((_ROOT / "tests/vectors/gpp_strings.json").read_text("utf-8"))
_STRINGS = {vector["name"]: vector["string"] for vector in _OWN["vectors"]}

# The day after the one that the TC strings of these vectors were made on.
NOON = datetime(2026, 2, 4, 12, tzinfo=UTC)
ANALYTICS, ADS, SHARE, TARGETED, HEALTH, MAIL, SERVICE = range(7)
_BASIS = {"US-CA": Basis.OPT_OUT, "KR": Basis.CONSENT, "EU": Basis.CONSENT}
_ALL = ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut")


def _scope(ordinal: int, purpose: str, **fields: Any) -> ScopeRule:
    return ScopeRule(ordinal=ordinal, purpose=purpose, **({"basis": _BASIS} | fields))


RULES = ConsentRules(
    version="policy-1",
    scopes=(
        _scope(ANALYTICS, "analytics", tcf=(8,)),
        _scope(ADS, "advertising", gpp=_ALL, gpc=GPC.DENY, tcf=(1, 3)),
        _scope(SHARE, "share", gpp=("SharingOptOut",), gpc=GPC.DENY),
        _scope(TARGETED, "targeted", gpp=("TargetedAdvertisingOptOut",), tcf=(4,)),
        _scope(HEALTH, "health", gpp=("SensitiveDataProcessing",)),
        _scope(MAIL, "mail", required=True),
        _scope(SERVICE, "service", basis=dict.fromkeys(_BASIS, Basis.CONTRACT)),
    ),
    jurisdictions={
        "KR": JurisdictionRule(key="KR", default=Default.OPT_IN, zone="Asia/Seoul"),
        "EU": JurisdictionRule(key="EU", default=Default.OPT_IN, zone="UTC"),
        "US-CA": JurisdictionRule(key="US-CA", default=Default.OPT_OUT, zone="UTC"),
        "US-TX": JurisdictionRule(
            key="US-TX", default=Default.OPT_OUT, zone="UTC", gpc=GPC.IGNORE
        ),
    },
    tcf=TCFRule(role=TCFRole.VENDOR, vendor_id=91),
)
_LISTENING = (ADS, SHARE, TARGETED, HEALTH)
_SECONDARY = (ANALYTICS, *_LISTENING)


def mask(*scopes: int) -> int:
    return sum(1 << scope for scope in scopes)


def read(raw: object, place: str = "US-CA", ids: object = None) -> tuple[Reading, ...]:
    return read_gpp(raw, RULES, place, NOON, ids)


def _section(section: int, **values: Any) -> str:
    said = encoder.nothing_said(section, **values)
    return encoder.gpp({section: encoder.us_section(section, said)})


def _denied(string: str, place: str = "US-CA") -> int:
    readings = read(string, place)
    assert all(not one.verdicts.grants for one in readings)
    assert all(one.problem is None for one in readings)
    return sum(one.verdicts.denies for one in readings)


def _one(count: int) -> list[int]:
    """Return items of which the last is 1."""
    return [0] * (count - 1) + [1]


@pytest.mark.parametrize(
    ("field", "scopes"),
    [
        ("SaleOptOut", (ADS,)),
        ("SharingOptOut", (ADS, SHARE)),
        ("TargetedAdvertisingOptOut", (ADS, TARGETED)),
    ],
)
def test_an_opt_out_denies_the_scopes_that_list_it(
    field: str, scopes: tuple[int, ...]
) -> None:
    assert _denied(_section(7, **{field: 1})) == mask(*scopes)


@pytest.mark.parametrize("place", ["US-CA", "KR", "EU", "nowhere"])
@pytest.mark.parametrize("value", [0, 2])
def test_who_did_not_opt_out_says_nothing_in_any_regime(value: int, place: str) -> None:
    said = {
        name: [value] * layout.count if layout.is_list else value
        for layout in US_LAYOUTS[7][-1].fields
        for name in (layout.name,)
    }
    assert read(_section(7, **said), place) == ()


@pytest.mark.parametrize("section", sorted(US_LAYOUTS))
def test_the_sale_opt_out_of_every_section_is_heard(section: int) -> None:
    assert _denied(_section(section, SaleOptOut=1)) == mask(ADS)


@pytest.mark.parametrize("section", sorted(set(US_LAYOUTS) - {24}))
def test_a_refusal_about_sensitive_data_denies_what_lists_it(section: int) -> None:
    layout = US_LAYOUTS[section][-1]
    fields = (*layout.fields, *((layout.subsection,) if layout.subsection else ()))
    (count,) = (one.count for one in fields if one.name == "SensitiveDataProcessing")
    said = {"SensitiveDataProcessing": _one(count)}
    assert _denied(_section(section, **said)) == mask(HEALTH)


@pytest.mark.parametrize("section", sorted(set(US_LAYOUTS) - {24}))
def test_a_known_child_without_consent_denies_every_scope_that_listens(
    section: int,
) -> None:
    (field,) = (
        field
        for field in US_LAYOUTS[section][-1].fields
        if field.name == "KnownChildSensitiveDataConsents"
    )
    said = {field.name: _one(field.count) if field.is_list else 1}
    assert _denied(_section(section, **said)) == mask(*_LISTENING)


@pytest.mark.parametrize("section", [7, 8, *range(13, 18), *range(19, 28)])
@pytest.mark.parametrize("place", ["US-CA", "KR", "nowhere"])
def test_no_consent_to_more_denies_every_secondary_purpose(
    section: int, place: str
) -> None:
    field = "PersonalDataConsents" if section < 9 else "AdditionalDataProcessingConsent"
    denied = _denied(_section(section, **{field: 1}), place)
    if place == "nowhere":
        # The contract of the service is not known to hold there.
        denied &= ~mask(SERVICE)
    assert denied == mask(*_SECONDARY)


@pytest.mark.parametrize(
    "section", [one for one in US_LAYOUTS if US_LAYOUTS[one][0].has_gpc]
)
def test_the_gpc_bit_is_an_opt_out_of_the_browser(section: int) -> None:
    (reading,) = read(_section(section, Gpc=True))
    assert reading.opts_out
    assert reading.verdicts == Verdicts(denies=mask(ADS, SHARE))


def test_the_gpc_bit_is_ignored_where_the_place_ignores_gpc() -> None:
    assert read(_section(16, Gpc=True), "US-TX") == ()


def test_the_gpc_bit_and_an_opt_out_are_two_statements() -> None:
    sections, opt_out = read(_section(7, Gpc=True, TargetedAdvertisingOptOut=1))
    assert sections.verdicts.denies == mask(ADS, TARGETED)
    assert not sections.opts_out
    assert opt_out.opts_out


@pytest.mark.parametrize(
    ("text", "denies"),
    [("1YYN", (ADS,)), ("1-Y-", (ADS,)), ("1YNN", ()), ("1---", ()), ("1NNY", ())],
)
def test_a_us_privacy_string_opts_out_of_sale(
    text: str, denies: tuple[int, ...]
) -> None:
    assert _denied(f"DBABTA~{text}") == mask(*denies)


def test_any_denial_of_several_sections_denies() -> None:
    sections = {
        8: encoder.us_section(8, encoder.nothing_said(8, SaleOptOut=2)),
        9: encoder.us_section(9, encoder.nothing_said(9, SaleOptOut=1)),
        10: encoder.us_section(10, encoder.nothing_said(10, SaleOptOut=2)),
    }
    assert _denied(encoder.gpp(sections)) == mask(ADS)


def test_canada_says_nothing() -> None:
    assert read(_STRINGS["tcfcav1_ranges"], "EU") == ()


def test_the_tc_string_inside_is_a_statement_of_its_own() -> None:
    (reading,) = read(_STRINGS["tcfeuv2"], "EU")
    assert reading.carrier is Carrier.TCF
    assert reading.problem is None
    assert reading.dated is not None
    assert reading.dated.start.date().isoformat() == "2026-02-03"
    assert reading.verdicts.grants == mask(ADS, TARGETED)
    assert reading.verdicts.denies & mask(ANALYTICS)


def _europe_and(**sections: str) -> str:
    texts = {2: _STRINGS["tcfeuv2"].partition("~")[2]}
    texts |= {int(name[1:]): text for name, text in sections.items()}
    return encoder.gpp(texts)


def test_no_tc_string_grants_what_another_section_denies() -> None:
    said = encoder.nothing_said(7, TargetedAdvertisingOptOut=1)
    ours, europe = read(_europe_and(_7=encoder.us_section(7, said)), "EU")
    assert ours.verdicts.denies == mask(ADS, TARGETED)
    assert europe.carrier is Carrier.TCF
    assert not europe.verdicts.grants
    assert "contradiction" in europe.remarks


def test_no_tc_string_grants_what_the_gpc_bit_denies() -> None:
    said = encoder.nothing_said(7, Gpc=True)
    opt_out, europe = read(_europe_and(_7=encoder.us_section(7, said)), "EU")
    assert opt_out.opts_out
    assert europe.verdicts.grants == mask(TARGETED)


@pytest.mark.parametrize("ids", [[2], [2, 7], "2", "2,7", "2_7", (2,), [2, 2]])
def test_the_tc_string_grants_where_its_section_applies(ids: object) -> None:
    (reading,) = read(_europe_and(_6="1YNN"), "EU", ids)
    assert reading.verdicts.grants == mask(ADS, TARGETED)


@pytest.mark.parametrize("ids", [[], [7], [-1], [0], "6", "-1", "7,8"])
def test_the_tc_string_only_denies_where_its_section_does_not_apply(
    ids: object,
) -> None:
    (reading,) = read(_europe_and(_6="1YNN"), "EU", ids)
    assert not reading.verdicts.grants
    assert reading.verdicts.denies & mask(ANALYTICS)


@pytest.mark.parametrize(
    "ids", ["", "x", {}, {"2": 2}, [True], [None], [2.0], ["two"], "2;7", "9" * 6_000]
)
def test_a_list_of_sections_that_makes_no_sense_is_told_and_grants_nothing(
    ids: object,
) -> None:
    odd, europe = read(_europe_and(_6="1YNN"), "EU", ids)
    assert odd.remarks == ("gpp.section_ids",)
    assert not europe.verdicts.grants


def test_sections_that_do_not_apply_deny_all_the_same() -> None:
    said = encoder.nothing_said(8, SaleOptOut=1, Gpc=True)
    string = encoder.gpp({8: encoder.us_section(8, said)})
    sections, opt_out = read(string, "KR", [2])
    assert sections.verdicts.denies == mask(ADS)
    assert opt_out.opts_out


def test_a_tc_string_that_no_cmp_made_grants_nothing() -> None:
    header, text = _STRINGS["tcfeuv2"].split("~")
    without_cmp = f"{header}~{text[:13]}AA{text[15:]}"
    (reading,) = read(without_cmp, "EU")
    assert reading.problem == "tcf.value"
    assert not reading.verdicts.grants
    assert reading.verdicts.unreadable == mask(ANALYTICS, ADS, TARGETED)


def test_a_tc_string_from_the_future_grants_nothing() -> None:
    readings = read_gpp(_STRINGS["tcfeuv2"], RULES, "EU", NOON - timedelta(days=3))
    assert [one.problem for one in readings] == ["tcf.future"]
    assert not readings[0].verdicts.grants


def test_an_unknown_section_is_told_and_says_nothing() -> None:
    (reading,) = read(encoder.gpp({28: "x", 29: "y"}))
    assert reading.remarks == ("gpp.section_unknown",)
    assert reading.is_silent


def test_bits_that_no_layout_explains_close_what_listens() -> None:
    said = encoder.nothing_said(23, SaleOptOut=1)
    core = encoder.us_section(23, said, has_subsection=False)
    string = _europe_and(_23=f"{core}AB")
    sections, europe = read(string, "EU")
    assert sections.problem == "gpp.trailing"
    assert sections.verdicts == Verdicts(
        denies=mask(ADS), unreadable=mask(SHARE, TARGETED, HEALTH)
    )
    assert not europe.verdicts.grants


_ABOUT = mask(ANALYTICS, *_LISTENING)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("", "gpp.empty"),
        ("1YNN", "gpp.segment_type"),
        ("DBABLA", "gpp.count"),
        ("DBABLA~DAAA", "gpp.version"),
        ("DBABLA~BAAA=", "gpp.alphabet"),
        ("DBABLA~BAAAwAAAAAA", "gpp.value"),
        ("DBABMA~1YNN", "gpp.version"),
        (7, "gpp.not_text"),
        ({}, "gpp.not_text"),
        (["DBAA"], "gpp.not_text"),
        (True, "gpp.not_text"),
        (b"DBAA", "gpp.not_text"),
    ],
)
def test_what_cannot_be_read_closes_what_it_could_have_been_about(
    raw: object, problem: str
) -> None:
    (reading,) = read(raw)
    assert reading.problem == problem
    assert reading.verdicts == Verdicts(unreadable=_ABOUT)


@pytest.mark.parametrize("raw", [None, "DBAA"])
def test_nothing_said_is_no_reading(raw: object) -> None:
    assert read(raw) == ()


@given(
    st.sampled_from(sorted(_STRINGS.values())),
    st.integers(0, 300),
    st.sampled_from(f"{encoder.ALPHABET}.~= "),
    st.none() | st.lists(st.integers(0, 30)) | st.text(),
    st.sampled_from(["US-CA", "KR", "EU", "nowhere", ""]),
)
def test_a_damaged_string_never_raises_and_its_us_sections_never_grant(
    string: str, where: int, character: str, ids: object, place: str
) -> None:
    at = where % len(string)
    for damaged in (string[:at], f"{string[:at]}{character}{string[at + 1 :]}"):
        for reading in read(damaged, place, ids):
            verdicts = reading.verdicts
            if reading.carrier is not Carrier.TCF:
                assert not verdicts.grants
            if reading.problem is not None:
                assert not verdicts.grants


@given(st.data(), st.sampled_from(sorted(US_LAYOUTS)))
def test_one_more_refusal_never_denies_less(data: st.DataObject, section: int) -> None:
    layout = US_LAYOUTS[section][-1]
    said = encoder.nothing_said(section)
    for field in layout.fields:
        items = st.lists(st.integers(0, 2), min_size=field.count, max_size=field.count)
        value = data.draw(items)
        said[field.name] = value if field.is_list else value[0]
    before = _denied(encoder.gpp({section: encoder.us_section(section, said)}))
    field = data.draw(st.sampled_from(layout.fields))
    said[field.name] = [1] * field.count if field.is_list else 1
    after = _denied(encoder.gpp({section: encoder.us_section(section, said)}))
    assert before & ~after == 0
