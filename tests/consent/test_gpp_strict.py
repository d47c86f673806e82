"""What is no GPP string raises one error, and nothing else ever happens."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent.decoders.bits import MAX_CHARACTERS
from cdp.consent.decoders.gpp import (
    GPPString,
    UnknownSection,
    decode_gpp_string,
    decode_section,
)
from cdp.consent.decoders.us_privacy import USPrivacy
from cdp.consent.decoders.us_sections import USSection
from cdp.consent.errors import DecodeReason, GPPStringError
from tests.consent import gpp_encoder as encoder

_ROOT = Path(__file__).resolve().parents[2]
_SHARED = _ROOT.parent / "shared" / "vectors"
_OWN = json.loads((_ROOT / "tests/vectors/gpp_strings.json").read_text("utf-8"))
_STRINGS = [vector["string"] for vector in _OWN["vectors"]]

_NATIONAL = encoder.us_section(7, encoder.nothing_said(7))
_CALIFORNIA = encoder.us_section(8, encoder.nothing_said(8), has_subsection=False)
_VIRGINIA = encoder.us_section(9, encoder.nothing_said(9))
_INDIANA = encoder.us_section(25, encoder.nothing_said(25), has_subsection=False)
_EUROPE = next(
    one["string"].partition("~")[2]
    for one in _OWN["vectors"]
    if one["name"] == "tcfeuv2"
)
_CANADA = next(
    one["string"].partition("~")[2]
    for one in _OWN["vectors"]
    if one["name"] == "tcfcav1_ranges"
)

_NOBODY = encoder.number(1, 3) + encoder.number(1, 16) + "0" + "0"


def _header(bits: str) -> str:
    return encoder.characters(encoder.number(3, 6) + encoder.number(1, 6) + bits)


@pytest.mark.parametrize(
    ("text", "reason", "where"),
    [
        ("", "empty", "header"),
        ("~", "empty", "header"),
        ("~BAAA", "empty", "header"),
        (f"DBABLA~{'A' * MAX_CHARACTERS}", "too_long", ""),
        # What is no GPP string at all.
        ("1YNN", "segment_type", "header"),
        ("1---", "segment_type", "header"),
        (_EUROPE, "alphabet", "header"),
        (_EUROPE.partition(".")[0], "segment_type", "header"),
        ("CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", "segment_type", "header"),
        ("D", "truncated", "header"),
        ("DCABLA", "version", "header"),
        ("DAABLA", "version", "header"),
        # The header's ids.
        ("DB", "truncated", "header"),
        ("DBAB", "truncated", "header"),
        ("DBABA", "truncated", "header"),
        (_header("000000000001" + "0" + "0" * 30 + "11"), "range", "header"),
        (_header("000000000001" + "1" + "11" + "0" * 23 + "11"), "range", "header"),
        (_header("000000000001" + "0" + "01011" + "01"), "trailing", "header"),
        ("DBABLAA", "trailing", "header"),
        ("DBABLAAAAAA", "trailing", "header"),
        ("DBAAA", "trailing", "header"),
        (" DBABLA", "alphabet", "header"),
        ("DBABLA=", "alphabet", "header"),
        ("DBAB/A", "alphabet", "header"),
        ("DB\udc80A", "alphabet", "header"),
        # As many sections as ids.
        ("DBABLA", "count", "header"),
        (f"DBABLA~{_NATIONAL}~{_NATIONAL}", "count", "header"),
        (f"DBABLA~{_NATIONAL}~", "count", "header"),
        ("DBACOeA~~1YNN", "count", "header"),
        ("DBABLA~", "empty", "usnat"),
        ("DBABTA~", "empty", "uspv1"),
        # A group of 40,000 sections costs no more than one.
        (
            _header(
                "000000000001" + "1" + encoder.fibonacci(1) + encoder.fibonacci(40_000)
            )
            + "~x",
            "count",
            "header",
        ),
    ],
)
def test_a_malformed_string_says_what_is_wrong(
    text: str, reason: str, where: str
) -> None:
    with pytest.raises(GPPStringError) as caught:
        decode_gpp_string(text)
    assert (caught.value.reason, caught.value.where) == (reason, where)


@pytest.mark.parametrize(
    ("section", "text", "reason"),
    [
        (7, "", "empty"),
        (7, "A", "version"),
        (7, "DAAAAAAAAAAA", "version"),
        (7, "B", "truncated"),
        (7, "BAAAAAAAA", "truncated"),
        (7, "CAAAAAAAAAA", "truncated"),
        (7, "BAAAAAAAAAB", "trailing"),
        (7, "CAAAAAAAAAAB", "trailing"),
        (7, f"{_NATIONAL} ", "alphabet"),
        (7, f"{_NATIONAL}+", "alphabet"),
        (7, f"{_NATIONAL}.", "empty"),
        (7, f".{_NATIONAL}", "empty"),
        (7, f"{_NATIONAL}.QA", "duplicate"),
        (8, f"{_CALIFORNIA}.AA", "segment_type"),
        (8, f"{_CALIFORNIA}.gA", "segment_type"),
        (8, f"{_CALIFORNIA}.wA", "segment_type"),
        (8, f"{_CALIFORNIA}.QB", "trailing"),
        (8, f"{_CALIFORNIA}.I", "segment_type"),
        (8, f"{_CALIFORNIA}.YA.", "empty"),
        (8, f"{_CALIFORNIA}.YA.YA", "duplicate"),
        (8, f"YA.{_CALIFORNIA}", "version"),
        (9, f"{_VIRGINIA}.QA", "segment_type"),
        (9, f"C{_VIRGINIA[1:]}", "version"),
        (9, f"{_VIRGINIA}AB", "trailing"),
        (25, "A", "truncated"),
        (25, f"{_INDIANA}.QA", "truncated"),
        (25, f"{_INDIANA}.AAB", "trailing"),
        (25, f"{_INDIANA}.wAA", "value"),
        (25, f"{_INDIANA}.AAA.AAA", "duplicate"),
        (6, "", "empty"),
        (6, "2YNN", "version"),
        (6, "1YN", "truncated"),
        (6, "1YNNN", "trailing"),
        (6, "1ynn", "value"),
        (6, "1YN ", "value"),
        (6, "1YN0", "value"),
        (28, "", "empty"),
        (28, "a b", "alphabet"),
        (28, "a=", "alphabet"),
        (2, "1YNN", "version"),
        (2, "BAAA", "version"),
        (2, "CAAA", "truncated"),
        (2, f"{_EUROPE}.", "empty"),
        (2, f"{_EUROPE}.IAAA", "duplicate"),
        (2, ".".join(_EUROPE.split(".")[1:]), "no_core"),
        (5, _EUROPE, "version"),
        (5, _CANADA[:20], "truncated"),
        (5, f"{_CANADA}.", "empty"),
        (5, f"{_CANADA}.IAAA", "duplicate"),
        (5, f"{_CANADA.partition('.')[0]}.QAAA", "segment_type"),
        (5, f"{_CANADA.partition('.')[0]}.YAAA", "truncated"),
        (5, f"{_CANADA.partition('.')[0]}.IAAAB", "trailing"),
        # The highest id is announced as 1, and no bit is set.
        (5, f"{_CANADA.partition('.')[0]}.{encoder.characters(_NOBODY)}", "range"),
    ],
)
def test_a_malformed_section_says_what_is_wrong(
    section: int, text: str, reason: str
) -> None:
    with pytest.raises(GPPStringError) as caught:
        decode_section(section, text)
    assert caught.value.reason == reason
    assert "~" not in str(caught.value)


@pytest.mark.parametrize("section", range(7, 28))
def test_the_reserved_value_of_each_item_is_an_error_that_names_the_field(
    section: int,
) -> None:
    values = encoder.nothing_said(section)
    for field in encoder.layout_of(section, values["Version"]).fields:
        for place in range(field.count):
            odd: Any = [0] * field.count if field.is_list else 3
            if field.is_list:
                odd[place] = 3
            text = encoder.us_section(section, values | {field.name: odd})
            with pytest.raises(GPPStringError) as caught:
                decode_section(section, text)
            assert caught.value.reason is DecodeReason.VALUE
            assert caught.value.where.endswith(f".{field.name}")


@pytest.mark.parametrize("section", range(7, 28))
def test_a_core_that_ends_within_its_fields_is_truncated(section: int) -> None:
    layout = encoder.layout_of(section, 2 if section == 7 else 1)
    values = encoder.nothing_said(section)
    core = encoder.us_section(section, values, has_subsection=False)
    for length in range(1, -(-layout.size // 6)):
        # A national core of version 2 is never read as one of version 1.
        with pytest.raises(GPPStringError) as caught:
            decode_section(section, core[:length])
        assert caught.value.reason is DecodeReason.TRUNCATED


@pytest.mark.parametrize("section", range(7, 28))
def test_padding_holds_nothing(section: int) -> None:
    values = encoder.nothing_said(section)
    layout = encoder.layout_of(section, values["Version"])
    core = encoder.us_section(section, values, has_subsection=False)
    bits = "".join(f"{encoder.ALPHABET.index(one):06b}" for one in core)
    for place in range(layout.size, len(bits)):
        odd = f"{bits[:place]}1{bits[place + 1 :]}"
        with pytest.raises(GPPStringError) as caught:
            decode_section(section, encoder.characters(odd))
        assert caught.value.reason is DecodeReason.TRAILING


def test_the_shared_malformed_strings_are_refused() -> None:
    path = _SHARED / "gpp_malformed.json"
    if not path.exists():
        pytest.skip("the shared test vectors are not beside this checkout")
    vectors = json.loads(path.read_text("utf-8"))["vectors"]
    peer = json.loads((_SHARED / "gpp_peer.json").read_text("utf-8"))["vectors"]
    vectors += [one for one in peer if "expected_error" in one]
    assert len(vectors) == 9
    for vector in vectors:
        with pytest.raises(GPPStringError):
            decode_gpp_string(vector["string"])


def _bits(text: str) -> str:
    return "".join(f"{encoder.ALPHABET.index(one):06b}" for one in text).rstrip("0")


def _bits_of(section: USSection) -> list[str]:
    """Return the segments of a section as bits, without the zeros at their ends."""
    layout = section.layout
    version = section.mspa_version if layout.version is None else layout.version
    assert version is not None
    bits = f"{version:06b}{section.core:0{layout.size - 6}b}"
    if section.surplus:
        bits += f"{section.surplus.number:0{section.surplus.size}b}"
    written = [bits.rstrip("0")]
    if section.gpc is not None:
        written.append(f"01{section.gpc:b}".rstrip("0"))
    if section.sensitive is not None:
        written.append(f"{section.sensitive:016b}".rstrip("0"))
    return written


def _says_what_it_decodes_to(text: str, decoded: GPPString) -> bool:
    """Return whether the US sections, written again, are what was sent."""
    _, *texts = text.split("~")
    for section, sent in zip(decoded.sections, texts, strict=True):
        if isinstance(section, USPrivacy):
            if sent != encoder.us_privacy(section.to_dict()):
                return False
        elif isinstance(section, USSection) and _bits_of(section) != [
            _bits(one) for one in sent.split(".")
        ]:
            return False
    return True


def _decoded(text: str) -> GPPString | None:
    """Return what ``text`` decodes to; None when it is refused, as it may be."""
    try:
        return decode_gpp_string(text)
    except GPPStringError:
        return None


_CHARACTERS = st.sampled_from(f"{encoder.ALPHABET}.~+/= 1é\n")


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A valid string that was cut, changed, swapped or added to."""
    text: str = draw(st.sampled_from(_STRINGS))
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(text)))
        second = draw(st.integers(0, len(text)))
        first, second = min(first, second), max(first, second)
        match draw(st.integers(0, 5)):
            case 0:
                text = text[:first]
            case 1:
                text = text[:first] + draw(_CHARACTERS) + text[first + 1 :]
            case 2:
                text = text[:first] + draw(_CHARACTERS) + text[first:]
            case 3:
                text = text[:first] + text[second:]
            case 4:
                text = text[:second] + text[first:second] + text[second:]
            case _:
                header, *sections = text.split("~")
                text = "~".join((header, *draw(st.permutations(sections))))
    return text


@given(damaged())
def test_a_damaged_string_says_what_it_decodes_to_or_is_refused(text: str) -> None:
    decoded = _decoded(text)
    assert decoded is None or _says_what_it_decodes_to(text, decoded)


@given(st.text() | st.text(alphabet=f"{encoder.ALPHABET}.~").map("DB{}".format))
def test_any_text_decodes_or_is_refused(text: str) -> None:
    decoded = _decoded(text)
    assert decoded is None or decoded.section_ids == tuple(sorted(decoded.section_ids))


@given(
    st.sampled_from([2, 5, 6, *range(7, 28), 28]),
    st.text(alphabet=f"{encoder.ALPHABET}.", max_size=60),
)
def test_any_section_text_decodes_or_is_refused(section: int, text: str) -> None:
    try:
        decoded = decode_section(section, text)
    except GPPStringError:
        return
    assert decoded.id == section
    assert isinstance(decoded, UnknownSection) or decoded.to_dict()


@pytest.mark.parametrize("string", _STRINGS[::9])
def test_every_cut_of_a_string_is_refused_or_leaves_zeros_out(string: str) -> None:
    whole = decode_gpp_string(string).to_dict()
    for length in range(len(string)):
        try:
            decoded = decode_gpp_string(string[:length])
        except GPPStringError:
            continue
        # What was cut off were zeros of padding, or a subsection with its dot.
        assert set(string[length:]) <= {"A"} or "." in string[length:]
        assert decoded.to_dict()["sectionIds"] == whole["sectionIds"]
