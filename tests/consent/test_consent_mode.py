"""What Google's Consent Mode says (R10): letters are pinned, the rest is refused."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import Verdict
from cdp.consent.decoders.consent_mode import (
    LETTERS,
    SIGNALS,
    State,
    decode_gcd,
    decode_gcs,
    read_consent_mode,
    read_ga4,
)
from cdp.consent.errors import ConsentModeError, DecodeReason
from tests.consent.banner import (
    BANNER,
    CONSENT_MODE,
    NOON,
    PLACE,
    anything,
    closed,
    said,
    shared_vectors,
)

GRANT, DENY = Verdict.GRANT, Verdict.DENY


def read(raw: object) -> dict[str, Verdict]:
    return said(read_consent_mode(raw, BANNER, PLACE, NOON))


def ga4(raw: object, ads: object = None) -> dict[str, Verdict]:
    return said(read_ga4(raw, BANNER, PLACE, NOON, ads))


@pytest.mark.parametrize(
    ("letter", "effective", "default", "update"),
    [
        ("l", "not_set", None, None),
        ("p", "denied", "denied", None),
        ("q", "denied", "denied", "denied"),
        ("t", "granted", "granted", None),
        ("r", "granted", "denied", "granted"),
        ("m", "denied", None, "denied"),
        ("n", "granted", None, "granted"),
        ("u", "denied", "granted", "denied"),
        ("v", "granted", "granted", "granted"),
    ],
)
def test_a_letter_says_default_and_update(
    letter: str, effective: str, default: str | None, update: str | None
) -> None:
    found = decode_gcd(f"11{letter}1l1l1l1")["ad_storage"]
    assert (found.effective, found.default, found.update) == (
        effective,
        default,
        update,
    )


@pytest.mark.parametrize("tail", ["", "5", "5l1", "1l1", "A9z" * 20])
def test_a_tail_of_letters_and_digits_is_read_over(tail: str) -> None:
    assert decode_gcd(f"13r3l3l3l5{tail}") == {
        name: LETTERS["r" if name == "ad_storage" else "l"] for name in SIGNALS
    }


@pytest.mark.parametrize(
    ("text", "reason", "where"),
    [
        ("", DecodeReason.EMPTY, "gcd"),
        ("13", DecodeReason.TRUNCATED, "gcd"),
        ("1", DecodeReason.TRUNCATED, "gcd"),
        ("11l1l1l1", DecodeReason.TRUNCATED, "gcd"),
        ("11l1l1l1l", DecodeReason.TRUNCATED, "gcd"),
        ("l3l3l3l3", DecodeReason.VALUE, "gcd"),
        ("1ll1l1l1l1", DecodeReason.VALUE, "gcd"),
        ("13x3l3l3l5", DecodeReason.VALUE, "ad_storage"),
        ("13l3l3w3l5", DecodeReason.VALUE, "ad_user_data"),
        ("13L3l3l3l5", DecodeReason.VALUE, "ad_storage"),
        ("13lxl3l3l5", DecodeReason.VALUE, "ad_storage"),
        ("1311111111", DecodeReason.VALUE, "ad_storage"),
        ("13l3l3l3l5-", DecodeReason.ALPHABET, "gcd"),
        ("13l3l3l3l5\n", DecodeReason.ALPHABET, "gcd"),
        (" 13l3l3l3l5", DecodeReason.ALPHABET, "gcd"),
        ("13l3l3l3l٥", DecodeReason.ALPHABET, "gcd"),
        ("13" + "l3" * 20_000, DecodeReason.TOO_LONG, "gcd"),
    ],
)
def test_a_malformed_gcd_has_one_typed_error(
    text: str, reason: DecodeReason, where: str
) -> None:
    with pytest.raises(ConsentModeError) as refused:
        decode_gcd(text)
    assert (refused.value.reason, refused.value.where) == (reason, where)
    assert not text or text not in str(refused.value)
    assert closed(read_consent_mode({"gcd": text}, BANNER, PLACE, NOON)) == CONSENT_MODE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", DecodeReason.EMPTY),
        ("G", DecodeReason.TRUNCATED),
        ("G1", DecodeReason.TRUNCATED),
        ("G11", DecodeReason.TRUNCATED),
        ("G122", DecodeReason.VALUE),
        ("G1l1", DecodeReason.VALUE),
        ("g111", DecodeReason.VALUE),
        ("G211", DecodeReason.VALUE),
        ("1111", DecodeReason.VALUE),
        ("G1111", DecodeReason.TRAILING),
        ("G11 ", DecodeReason.ALPHABET),
        ("G1" + "1" * 40_000, DecodeReason.TOO_LONG),
    ],
)
def test_a_malformed_gcs_has_one_typed_error(text: str, reason: DecodeReason) -> None:
    with pytest.raises(ConsentModeError) as refused:
        decode_gcs(text)
    assert refused.value.reason is reason
    assert closed(read_consent_mode({"gcs": text}, BANNER, PLACE, NOON)) == CONSENT_MODE


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, {}),
        ({}, {}),
        ("13l3l3l3l5l1", {}),
        ("G1--", {}),
        # All listed signals must grant, any listed denial denies.
        ("11t1t1t1t5", dict.fromkeys(["analytics", "segmentation", "ads"], GRANT)),
        ("11r1m1n1v5", {"analytics": DENY, "segmentation": GRANT, "ads": GRANT}),
        ("11t1l1p1t5", {"segmentation": DENY, "ads": DENY}),
        ("11l1l1l1t5", {}),
        ("11q1l1l1l5", {"ads": DENY}),
        ("G111", {"analytics": GRANT}),
        ("G101", {"analytics": GRANT, "ads": DENY}),
        # gcs fills what gcd left unset, and overrides nothing.
        ({"gcd": "13l3l3l3l5l1", "gcs": "G110"}, {"analytics": DENY}),
        ({"gcd": "13p3p3p3p5", "gcs": "G111"}, None),
        ({"gcd": "13l3l3t3t5", "gcs": "G111"}, "all"),
        ({"gcd": None, "gcs": None}, {}),
        # The page's own words.
        ({"analytics_storage": "granted"}, {"analytics": GRANT}),
        ({"gcd": "11t1t1t1t5", "ad_user_data": "denied"}, "denied"),
        ({"gcd": "11p1p1p1p5", "ad_user_data": "granted"}, None),
    ],
)
def test_the_strings_come_to_verdicts(raw: object, expected: Any) -> None:
    named = ["analytics", "segmentation", "ads"]
    if expected is None:
        expected = dict.fromkeys(named, DENY)
    elif expected == "all":
        expected = dict.fromkeys(named, GRANT)
    elif expected == "denied":
        expected = {"analytics": GRANT, "segmentation": DENY, "ads": DENY}
    # What is said of a purpose is said of each of its recipients.
    if "ads" in expected:
        expected = expected | {"ads>partner": expected["ads"]}
    assert read(raw) == expected


def test_a_string_is_a_gcs_when_it_begins_like_one() -> None:
    assert read("G100") == read({"gcs": "G100"}) != {}
    assert read("11p1p1p1p5") == read({"gcd": "11p1p1p1p5"}) != {}


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (5, "consent_mode.not_object"),
        ([], "consent_mode.not_object"),
        (True, "consent_mode.not_object"),
        ("", "consent_mode.empty"),
        ("x", "consent_mode.value"),
        ({"gcd": 13}, "consent_mode.value"),
        ({"gcs": ["G111"]}, "consent_mode.value"),
        ({"gcd": "11t1t1t1t5", "gcs": "G12"}, "consent_mode.truncated"),
        ({"ad_storage": "GRANTED"}, "consent_mode.value"),
        ({"ad_storage": True}, "consent_mode.value"),
        ({"wait_for_update": "granted"}, "consent_mode.value"),
    ],
)
def test_what_cannot_be_read_closes_what_it_was_about(
    raw: object, problem: str
) -> None:
    reading = read_consent_mode(raw, BANNER, PLACE, NOON)
    assert reading is not None
    assert reading.problem == problem
    assert closed(reading) == CONSENT_MODE


@pytest.mark.parametrize(
    ("raw", "ads", "expected"),
    [
        (None, None, {}),
        ({}, None, {}),
        (None, False, {}),
        ({"ad_user_data": "GRANTED"}, None, {}),
        (
            {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"},
            None,
            {"segmentation": GRANT},
        ),
        (
            {"ad_user_data": "DENIED"},
            None,
            {"segmentation": DENY, "ads": DENY, "ads>partner": DENY},
        ),
        (
            {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"},
            True,
            {"segmentation": DENY},
        ),
        (None, True, {"segmentation": DENY}),
        ({"ad_personalization": None}, None, {}),
    ],
)
def test_ga4_has_the_last_two_signals(
    raw: object, ads: object, expected: dict[str, Verdict]
) -> None:
    assert ga4(raw, ads) == expected


@pytest.mark.parametrize(
    ("raw", "ads", "problem"),
    [
        ([], None, "ga4.not_object"),
        ("GRANTED", None, "ga4.not_object"),
        ({"ad_user_data": "granted"}, None, "ga4.value"),
        ({"ad_user_data": True}, None, "ga4.value"),
        ({"ad_user_data": ["GRANTED"]}, None, "ga4.value"),
        ({"ad_storage": "DENIED"}, None, "ga4.signal_unknown"),
        ({}, "true", "ga4.value"),
    ],
)
def test_another_ga4_is_unreadable(raw: object, ads: object, problem: str) -> None:
    reading = read_ga4(raw, BANNER, PLACE, NOON, ads)
    assert reading is not None
    assert reading.problem == problem
    assert closed(reading) == CONSENT_MODE


@given(st.lists(st.sampled_from([*LETTERS, "w", "L", "5"]), min_size=4, max_size=4))
def test_only_letters_that_grant_ever_grant(letters: list[str]) -> None:
    text = "11" + "".join(f"{letter}1" for letter in letters)
    granting = {
        name
        for name, letter in zip(SIGNALS, letters, strict=True)
        if letter in ("t", "r", "n", "v")
    }
    readable = all(letter in LETTERS for letter in letters)
    found = read(text)
    for scope in BANNER.scopes:
        granted = bool(scope.consent_mode) and granting.issuperset(scope.consent_mode)
        assert (found.get(scope.key) is GRANT) == (granted and readable)


def test_gcs_never_changes_what_gcd_said() -> None:
    for letters in itertools.product("lpt", repeat=2):
        gcd = f"11{letters[0]}1{letters[1]}1l1l1"
        for gcs in ("G100", "G110", "G101", "G111", "G1--"):
            both = read({"gcd": gcd, "gcs": gcs})
            alone = read(gcd)
            assert both.items() >= alone.items()


@given(anything)
def test_no_input_raises_and_none_that_is_unreadable_grants(raw: object) -> None:
    for reading in (
        read_consent_mode(raw, BANNER, PLACE, NOON),
        read_ga4(raw, BANNER, PLACE, NOON, raw),
    ):
        if reading is not None and reading.problem is not None:
            assert reading.verdicts.grants == 0


@given(st.text(alphabet="0123456789lpqtrmnuvGx-é \n", max_size=16))
def test_a_decoder_has_no_other_exception(text: str) -> None:
    for decode in (decode_gcd, decode_gcs):
        try:
            found = decode(text)
        except ConsentModeError:
            continue
        assert set(found) <= set(SIGNALS)


def test_the_shared_vectors() -> None:
    vectors = shared_vectors("consent_mode.json")
    assert {
        letter: {
            "effective": state.effective,
            "default": state.default,
            "update": state.update,
        }
        for letter, state in LETTERS.items()
    } == vectors["letters"]
    for case in vectors["gcd"]:
        found = decode_gcd(case["gcd"])
        for name, expected in case["expected"].items():
            state = found[name]
            assert [state.effective, state.default, state.update] == [
                expected["effective"],
                expected["default"],
                expected["update"],
            ]
    for case in vectors["gcs"]:
        assert decode_gcs(case["gcs"]) == case["expected"]
    [both] = [case for case in vectors["gcd"] if "gcs" in case]
    published = both["published_expected"]
    filled = decode_gcs(both["gcs"])
    assert all(
        decode_gcd(both["gcd"])[name].effective is State.NOT_SET for name in filled
    )
    assert all(filled[name] == published[name] for name in filled)
    for text in vectors["invalid"]:
        reading = read_consent_mode(text, BANNER, PLACE, NOON)
        assert closed(reading) == CONSENT_MODE
        with pytest.raises(ConsentModeError):
            decode_gcs(text) if text.startswith("G") else decode_gcd(text)
