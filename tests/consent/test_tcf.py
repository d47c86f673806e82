"""TC strings decode to what they say, field by field, as other decoders read them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent.decoders.id_sets import BitField, IdRanges
from cdp.consent.decoders.recent import LONGEST, Recent
from cdp.consent.decoders.tcf import TCString, decode_tc_string
from cdp.consent.errors import DecodeReason, TCStringError
from tests.consent import tc_encoder as encoder
from tests.consent.tc_encoder import TC, Entry, Publisher, Vendors

_ROOT = Path(__file__).resolve().parents[2]
_SHARED = _ROOT.parent / "shared" / "vectors"
_OWN = json.loads((_ROOT / "tests/vectors/tc_strings.json").read_text("utf-8"))
_STRINGS = [vector["string"] for vector in _OWN["vectors"]]

# The names of the vectors beside this checkout, for ours.
_THEIRS = {
    "version": "version",
    "created": "created",
    "last_updated": "lastUpdated",
    "cmp_id": "cmpId",
    "cmp_version": "cmpVersion",
    "consent_screen": "consentScreen",
    "consent_language": "consentLanguage",
    "vendor_list_version": "vendorListVersion",
    "tcf_policy_version": "policyVersion",
    "is_service_specific": "isServiceSpecific",
    "use_non_standard_texts": "useNonStandardTexts",
    "special_feature_opt_ins": "specialFeatureOptins",
    "purposes_consent": "purposeConsents",
    "purposes_li_transparency": "purposeLegitimateInterests",
    "purpose_one_treatment": "purposeOneTreatment",
    "publisher_cc": "publisherCountryCode",
    "vendor_consents": "vendorConsents",
    "vendor_legitimate_interests": "vendorLegitimateInterests",
    "disclosed_vendors": "vendorsDisclosed",
    "allowed_vendors": "vendorsAllowed",
    "pub_purposes_consent": "publisherConsents",
    "pub_purposes_li_transparency": "publisherLegitimateInterests",
    "num_custom_purposes": "numCustomPurposes",
    "custom_purposes_consent": "publisherCustomConsents",
    "custom_purposes_li_transparency": "publisherCustomLegitimateInterests",
}


def _vectors(name: str) -> list[dict[str, Any]]:
    path = _SHARED / name
    if not path.exists():
        pytest.skip("the shared test vectors are not beside this checkout")
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["vectors"]
    return found


def _ours(vector: dict[str, Any]) -> dict[str, Any]:
    """Return a vector's expected fields under our names."""
    expected = vector["expected"]
    restrictions = sorted(
        [one["purposeId"], one["restrictionType"], one["vendors"]]
        for one in expected["publisherRestrictions"]
    )
    named = {ours: expected[theirs] for ours, theirs in _THEIRS.items()}
    return named | {"publisher_restrictions": restrictions}


def _ids(found: Any) -> list[int]:
    return [] if found is None else sorted(found.ids())


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(tc: TCString) -> dict[str, Any]:
    """Return the fields as the official decoder prints them."""
    publisher = tc.publisher_tc
    said: dict[str, Any] = {}
    for name in tc.__struct_fields__:
        value = getattr(tc, name)
        if isinstance(value, datetime):
            said[name] = _iso(value)
        elif value is None or isinstance(value, BitField | IdRanges):
            said[name] = _ids(value)
        else:
            said[name] = value
    del said["publisher_tc"]
    said["publisher_restrictions"] = sorted(
        [one.purpose_id, int(one.restriction_type), _ids(one.vendors)]
        for one in tc.publisher_restrictions
    )
    for name in (
        "pub_purposes_consent",
        "pub_purposes_li_transparency",
        "custom_purposes_consent",
        "custom_purposes_li_transparency",
    ):
        said[name] = _ids(publisher and getattr(publisher, name))
    said["num_custom_purposes"] = publisher.num_custom_purposes if publisher else 0
    return said


@pytest.mark.parametrize("vector", _OWN["vectors"], ids=lambda vector: vector["name"])
def test_our_strings_decode_as_the_official_decoder_reads_them(
    vector: dict[str, Any],
) -> None:
    assert _fields(decode_tc_string(vector["string"])) == vector["expected"]


@pytest.mark.parametrize(
    ("name", "equal", "reasons"),
    [
        ("tc_peer.json", 61, {"version": 6, "truncated": 2}),
        ("tc_generated.json", 33, {"no_core": 3}),
    ],
)
def test_published_strings_decode_as_the_official_decoder_reads_them(
    name: str, equal: int, reasons: dict[str, int]
) -> None:
    decoded, refused = 0, dict.fromkeys(reasons, 0)
    for vector in _vectors(name):
        try:
            tc = decode_tc_string(vector["string"])
        except TCStringError as failure:
            refused[failure.reason] += 1
            continue
        assert _fields(tc) == _ours(vector)
        decoded += 1
    assert (decoded, refused) == (equal, reasons)


def test_of_the_published_malformed_strings_only_the_swapped_one_decodes() -> None:
    for vector in _vectors("tc_malformed.json"):
        if vector.get("remark", "").startswith("VALID"):
            tc = decode_tc_string(vector["string"])
            assert tc.disclosed_vendors is not None
            assert tc.publisher_tc is not None
        else:
            with pytest.raises(TCStringError):
                decode_tc_string(vector["string"])


# The package reads clocks in a way that newer versions of Python warn about.
_calm = pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp")


@_calm
@pytest.mark.parametrize("string", _STRINGS)
def test_the_python_package_reads_the_same(string: str) -> None:
    package = pytest.importorskip("iab_tcf", reason="the group bench is not installed")
    _agree(decode_tc_string(string), package.decode(string))


@_calm
@pytest.mark.parametrize("name", ["tc_peer.json", "tc_generated.json"])
def test_the_python_package_reads_published_strings_the_same(name: str) -> None:
    package = pytest.importorskip("iab_tcf", reason="the group bench is not installed")
    for vector in _vectors(name):
        try:
            tc = decode_tc_string(vector["string"])
        except TCStringError:
            continue
        _agree(tc, package.decode(vector["string"]))


def _agree(tc: TCString, other: Any) -> None:
    created = other.created.replace(tzinfo=UTC)
    updated = other.last_updated.replace(tzinfo=UTC)
    assert created == tc.created.replace(microsecond=0)
    assert updated == tc.last_updated.replace(microsecond=0)
    for ours, theirs in (
        ("cmp_id", other.cmp_id),
        ("cmp_version", other.cmp_version),
        ("consent_screen", other.consent_screen),
        ("consent_language", other.consent_language.decode()),
        ("vendor_list_version", other.vendor_list_version),
        ("tcf_policy_version", other.tcf_policy_version),
        ("is_service_specific", other.is_service_specific),
        ("use_non_standard_texts", other.use_non_standard_stacks),
        ("purpose_one_treatment", other.purpose_one_treatment),
        ("publisher_cc", other.publisher_cc.decode()),
    ):
        assert getattr(tc, ours) == theirs
    for found, flags in (
        (tc.special_feature_opt_ins, other.special_features_optin),
        (tc.purposes_consent, other.purposes_consent),
        (tc.purposes_li_transparency, other.purposes_legitimate_interests),
    ):
        assert _ids(found) == [place for place, is_set in flags.items() if is_set]
    for vendor in range(1, 1_200):
        assert (vendor in tc.vendor_consents) == other.is_vendor_allowed(vendor)
        assert (vendor in tc.vendor_legitimate_interests) == (
            other.is_interest_allowed(vendor)
        )


# What a random string says is what was written into it.

_numbers = st.integers
_letters = st.tuples(_numbers(0, 25), _numbers(0, 25))
_entries = st.lists(
    st.one_of(
        st.tuples(_numbers(1, 65_535)),
        st.tuples(_numbers(1, 900), _numbers(0, 40)).map(lambda e: (e[0], sum(e))),
        st.tuples(_numbers(1, 65_535), st.just(65_535)),
    ),
    max_size=70,
).map(tuple)


def _flags(size: int) -> st.SearchStrategy[str]:
    return st.text("01", min_size=size, max_size=size)


@st.composite
def vendors(draw: st.DrawFn) -> Vendors:
    if draw(st.booleans()):
        bits = draw(st.text("01", max_size=120))
        return Vendors(len(bits), bits)
    entries: tuple[Entry, ...] = draw(_entries)
    return encoder.ranged(*entries)


@st.composite
def publishers(draw: st.DrawFn) -> Publisher:
    count = draw(st.sampled_from([0, 1, 5, 63]))
    return Publisher(*(draw(_flags(size)) for size in (24, 24, count, count)))


_segments: dict[int, st.SearchStrategy[Vendors | Publisher]] = {
    1: vendors(),
    2: vendors(),
    3: publishers(),
}


@st.composite
def strings(draw: st.DrawFn) -> TC:
    kinds = draw(st.lists(st.sampled_from([1, 2, 3]), unique=True))
    restrictions = st.tuples(_numbers(1, 63), _numbers(0, 2), _entries)
    return TC(
        created=draw(_numbers(0, 2**36 - 1)),
        last_updated=draw(_numbers(0, 2**36 - 1)),
        cmp_id=draw(_numbers(2, 4095)),
        cmp_version=draw(_numbers(0, 4095)),
        consent_screen=draw(_numbers(0, 63)),
        consent_language=draw(_letters),
        vendor_list_version=draw(_numbers(0, 4095)),
        tcf_policy_version=draw(_numbers(0, 63)),
        is_service_specific=draw(st.booleans()),
        use_non_standard_texts=draw(st.booleans()),
        special_features=draw(_flags(12)),
        consents=draw(_flags(24)),
        interests=draw(_flags(24)),
        purpose_one_treatment=draw(st.booleans()),
        publisher_cc=draw(_letters),
        vendor_consents=draw(vendors()),
        vendor_interests=draw(vendors()),
        restrictions=tuple(draw(st.lists(restrictions, max_size=3))),
        segments=tuple((kind, draw(_segments[kind])) for kind in kinds),
    )


@given(strings(), st.sampled_from([6, 8, 24, 48, 96]))
def test_a_string_decodes_to_the_values_it_was_written_from(
    tc: TC, padding: int
) -> None:
    assert encoder.said_by(decode_tc_string(encoder.write(tc, padding))) == (
        encoder.said(tc)
    )


@given(vendors())
def test_membership_and_expansion_say_the_same(what: Vendors) -> None:
    tc = decode_tc_string(encoder.write(TC(vendor_consents=what)))
    found = tc.vendor_consents.ids()
    assert found <= set(range(1, 65_536))
    for number in (0, 1, what.max_id, what.max_id + 1, *list(found)[:20], -1, 70_000):
        assert (number in tc.vendor_consents) == (number in found)


# Laziness and the memory.


def test_a_range_of_every_vendor_is_not_expanded() -> None:
    every = encoder.ranged((1, 65_535))
    tc = decode_tc_string(encoder.write(TC(vendor_consents=every)))
    assert isinstance(tc.vendor_consents, IdRanges)
    assert list(tc.vendor_consents.ranges()) == [(1, 65_535)]
    assert 40_000 in tc.vendor_consents
    assert len(tc.vendor_consents.ids()) == 65_535


def test_ranges_may_overlap_and_stand_in_any_order() -> None:
    # The standard asks for no order, and every other decoder reads it so.
    mixed = encoder.ranged((40, 60), (7,), (50, 70), (7,))
    tc = decode_tc_string(encoder.write(TC(vendor_consents=mixed)))
    assert tc.vendor_consents.ids() == {7, *range(40, 71)}


def test_a_value_never_shows_the_string_it_came_from() -> None:
    tc = decode_tc_string(encoder.write(TC(vendor_consents=encoder.ranged((7,)))))
    assert repr(tc.vendor_consents) == "IdRanges(entries=1, max_id=7)"


def test_a_string_that_comes_again_is_decoded_once() -> None:
    asked: list[str] = []

    def decode(text: str) -> list[str]:
        asked.append(text)
        return asked

    recent = Recent(decode, capacity=2)
    assert recent("a") is recent("a") is asked
    assert asked == ["a"]


def test_the_memory_is_bounded_and_keeps_what_is_asked_for() -> None:
    asked: list[str] = []

    def decode(text: str) -> str:
        asked.append(text)
        return text

    recent = Recent(decode, capacity=2)
    for text in ("a", "b", "c", "a", "d", "e", "a", "b"):
        assert recent(text) == text
    # "a" was asked for in each generation and stayed; "b" was dropped with the first.
    assert asked == ["a", "b", "c", "d", "e", "b"]


def test_a_failure_and_an_overlong_string_are_not_remembered() -> None:
    recent = Recent(decode_tc_string)
    for text in ("", "\ud800", "C" * (LONGEST + 1)):
        for _ in range(2):
            with pytest.raises(TCStringError):
                recent(text)


def test_remembering_changes_nothing() -> None:
    recent = Recent(decode_tc_string)
    for string in [*_STRINGS, *_STRINGS]:
        assert recent(string) == decode_tc_string(string)


def test_the_lowest_cmp_id_is_the_callers_choice() -> None:
    string = encoder.write(TC(cmp_id=0))
    with pytest.raises(TCStringError) as failure:
        decode_tc_string(string)
    assert failure.value.reason is DecodeReason.VALUE
    assert decode_tc_string(string, lowest_cmp_id=0).cmp_id == 0
