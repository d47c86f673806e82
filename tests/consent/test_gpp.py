"""GPP strings decode to what they say, section by section."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent.decoders.eu_section import EUSection
from cdp.consent.decoders.gpp import UnknownSection, decode_gpp_string, decode_section
from cdp.consent.decoders.us_sections import US_LAYOUTS, Layout, USSection
from cdp.consent.errors import DecodeReason, GPPStringError
from tests.consent import gpp_encoder as encoder

_ROOT = Path(__file__).resolve().parents[2]
_SHARED = _ROOT.parent / "shared" / "vectors"
_PREFIXES = {"tcfeuv2": 2, "tcfcav1": 5, "uspv1": 6} | {
    layouts[0].name: section for section, layouts in US_LAYOUTS.items()
}
_OWN = json.loads((_ROOT / "tests/vectors/gpp_strings.json").read_text("utf-8"))


def _vectors(name: str) -> Any:
    path = _SHARED / name
    if not path.exists():
        pytest.skip("the shared test vectors are not beside this checkout")
    return json.loads(path.read_text("utf-8"))


def _written_again(string: str, sections: dict[str, Any]) -> str:
    """Write the US sections of ``sections`` again, short ones where they were short."""
    written = {}
    _, *texts = string.split("~")
    named = zip(sections.items(), texts, strict=True)
    for (name, values), text in named:
        section = _PREFIXES[name]
        if section == 6:
            written[section] = encoder.us_privacy(values)
        elif section in US_LAYOUTS:
            written[section] = encoder.us_section(
                section, values, has_subsection="." in text
            )
        else:
            # TC strings are not ours to write.
            written[section] = text
    return encoder.gpp(written)


@pytest.mark.parametrize("vector", _OWN["vectors"], ids=lambda vector: vector["name"])
def test_our_strings_decode_as_the_official_decoder_reads_them(
    vector: dict[str, Any],
) -> None:
    assert decode_gpp_string(vector["string"]).to_dict() == vector["expected"]


@pytest.mark.parametrize("vector", _OWN["vectors"], ids=lambda vector: vector["name"])
def test_our_strings_are_written_again_as_they_were(vector: dict[str, Any]) -> None:
    sections = vector["expected"]["sections"]
    assert _written_again(vector["string"], sections) == vector["string"]


def test_generated_strings_of_the_official_encoder_are_equal_field_by_field() -> None:
    vectors = _vectors("gpp_generated.json")["vectors"]
    for vector in vectors:
        decoded = decode_gpp_string(vector["string"]).to_dict()
        assert decoded == vector["expected"], vector["name"]
        again = _written_again(vector["string"], vector["expected"]["sections"])
        assert again == vector["string"], vector["name"]


def test_strings_of_published_suites_are_equal_field_by_field() -> None:
    for vector in _vectors("gpp_peer.json")["vectors"]:
        if "expected" in vector:
            assert decode_gpp_string(vector["string"]).to_dict() == vector["expected"]


def _java(text: str) -> object:
    """Return what a piece of Java source means, as ``to_dict`` would show it."""
    day = re.fullmatch(r'ZonedDateTime\.of\((.*), ZoneId\.of\("UTC"\)\)', text)
    if day:
        year, month, dom, hour, minute, second, _ = map(int, day[1].split(", "))
        return f"{year}-{month:02}-{dom:02}T{hour:02}:{minute:02}:{second:02}.000Z"
    listed = re.fullmatch(r"Arrays\.asList\((.*)\)", text)
    if listed:
        text = f"[{listed[1]}]"
    text = re.sub(r"\bfalse\b", "False", re.sub(r"\btrue\b", "True", text))
    return ast.literal_eval(text)


def test_section_strings_have_the_values_that_another_suite_asserts() -> None:
    compared = 0
    for vector in _vectors("gpp_peer.json")["section_vectors_asserted_in_java"]:
        section = decode_section(_PREFIXES[vector["section"]], vector["section_string"])
        assert not isinstance(section, UnknownSection)
        shown = section.to_dict() | {"Id": section.id}
        if isinstance(section, USSection):
            shown["GpcSegmentIncluded"] = section.gpc is not None
        for name, text in vector["asserted"]:
            expected = _java(text)
            # The remark: they read 16 and 3 items from version 1.
            if "remark" in vector and isinstance(expected, list):
                shown_list = shown[name]
                assert isinstance(shown_list, list)
                expected = expected[: len(shown_list)]
            assert shown[name] == expected, (vector["section"], name)
            compared += 1
        for name, ids in vector.get("asserted_lists", {}).items():
            found = shown[name]
            assert isinstance(found, list)
            assert len(found) == ids["size"]
            assert found[: len(ids["first"])] == ids["first"]
            assert found[-len(ids["last"]) :] == ids["last"]
    assert compared == 273


# Sale, sharing and targeted advertising by their letters; sensitive and child items.
@pytest.mark.parametrize(
    ("section", "name", "opt_outs", "sensitive", "child", "subsection"),
    [
        (7, "usnat", "SST", 16, 3, "gpc"),
        (8, "usca", "SS", 9, 2, "gpc"),
        (9, "usva", "ST", 8, 1, None),
        (10, "usco", "ST", 7, 1, "gpc"),
        (11, "usut", "ST", 8, 1, None),
        (12, "usct", "ST", 8, 3, "gpc"),
        (13, "usfl", "ST", 8, 3, None),
        (14, "usmt", "ST", 8, 3, "gpc"),
        (15, "usor", "ST", 11, 3, "gpc"),
        (16, "ustx", "ST", 8, 1, "gpc"),
        (17, "usde", "ST", 9, 5, "gpc"),
        (18, "usia", "ST", 8, 1, "gpc"),
        (19, "usne", "ST", 8, 1, "gpc"),
        (20, "usnh", "ST", 8, 3, "gpc"),
        (21, "usnj", "ST", 10, 5, "gpc"),
        (22, "ustn", "ST", 8, 1, "gpc"),
        (23, "usmn", "ST", 8, 1, "gpc"),
        (24, "usmd", "ST", 0, 0, "gpc"),
        (25, "usin", "ST", 0, 1, "sensitive"),
        (26, "usky", "ST", 0, 1, "sensitive"),
        (27, "usri", "ST", 0, 1, "sensitive"),
    ],
)
def test_the_table_of_layouts_has_what_the_standard_says(
    section: int,
    name: str,
    opt_outs: str,
    sensitive: int,
    child: int,
    subsection: str | None,
) -> None:
    layout = US_LAYOUTS[section][-1]
    counts = {field.name: field.count for field in layout.fields}
    assert layout.name == name
    assert counts.get("SensitiveDataProcessing", 0) == sensitive
    assert counts.get("KnownChildSensitiveDataConsents", 0) == child
    assert "".join(one[0] for one in counts if one.endswith("OptOut")) == opt_outs
    assert layout.has_gpc == (subsection == "gpc")
    assert (layout.subsection is not None) == (subsection == "sensitive")
    assert (layout.version is None) == (section >= 24)


def test_fifteen_of_twenty_one_sections_have_a_gpc_bit() -> None:
    assert len(US_LAYOUTS) == 21
    assert sum(layouts[0].has_gpc for layouts in US_LAYOUTS.values()) == 15


def test_the_national_section_has_fewer_items_in_version_1() -> None:
    fields = US_LAYOUTS[7][0].fields
    counts = [field.count for field in fields if field.is_list]
    assert counts == [12, 2]


def test_version_1_in_the_shape_of_version_2_shows_the_items_of_version_1() -> None:
    section = decode_section(7, "BVVVkkkkkpFY.YA")
    assert isinstance(section, USSection)
    shown = section.to_dict()
    assert shown["SensitiveDataProcessing"] == [2, 1, 0] * 4
    assert shown["KnownChildSensitiveDataConsents"] == [2, 1]
    assert shown["PersonalDataConsents"] == 1
    assert shown["MspaServiceProviderMode"] == 2


def test_items_that_version_1_does_not_show_are_refusals_all_the_same() -> None:
    bits = encoder.number(1, 6) + "00" * 9 + "00" * 12 + "01" + "00" * 3
    bits += "00" * 2 + "01" + "00" + "01" + "00" * 2
    section = decode_section(7, encoder.characters(bits))
    assert isinstance(section, USSection)
    assert section.to_dict()["SensitiveDataProcessing"] == [0] * 12
    assert section.is_refused("SensitiveDataProcessing")
    assert section.is_refused("KnownChildSensitiveDataConsents")


def test_version_1_padded_to_four_characters_is_read_as_version_1() -> None:
    values = dict.fromkeys(encoder.nothing_said(7), 1) | {
        "SensitiveDataProcessing": [1] * 12,
        "KnownChildSensitiveDataConsents": [2, 2],
    }
    for padding in (encoder.CHARACTERS, encoder.BYTES, encoder.FOUR_CHARACTERS):
        text = encoder.us_section(7, values, padding=padding)
        section = decode_section(7, text)
        assert isinstance(section, USSection)
        assert section.to_dict()["KnownChildSensitiveDataConsents"] == [2, 2]


def test_bits_of_a_longer_layout_are_kept_and_told() -> None:
    core = encoder.us_section(23, encoder.nothing_said(23), has_subsection=False)
    section = decode_section(23, f"{core}AB")
    assert isinstance(section, USSection)
    assert section.surplus is not None
    assert section.surplus.number == 1


def test_zeros_behind_a_core_are_no_bits_of_a_longer_layout() -> None:
    core = encoder.us_section(23, encoder.nothing_said(23), has_subsection=False)
    for zeros in ("A", "AA", "A" * 40):
        section = decode_section(23, f"{core}{zeros}")
        assert isinstance(section, USSection)
        assert section.surplus is None


def test_a_missing_subsection_is_told_from_one_that_says_no() -> None:
    values = encoder.nothing_said(8)
    without = decode_section(8, encoder.us_section(8, values, has_subsection=False))
    with_one = decode_section(8, encoder.us_section(8, values))
    assert isinstance(without, USSection)
    assert isinstance(with_one, USSection)
    assert (without.gpc, with_one.gpc) == (None, False)
    assert without.to_dict() == with_one.to_dict()


def test_sections_are_known_by_their_id_and_not_by_their_look() -> None:
    text = encoder.us_section(19, encoder.nothing_said(19, SaleOptOut=1))
    names = {
        decoded.name
        for decoded in (decode_section(section, text) for section in (16, 19, 22, 23))
        if isinstance(decoded, USSection)
    }
    assert names == {"ustx", "usne", "ustn", "usmn"}


def test_a_section_of_an_unknown_id_is_kept_by_its_id() -> None:
    national = encoder.us_section(7, encoder.nothing_said(7))
    string = encoder.gpp({7: national, 28: "anything-goes.here_", 400: "x"})
    decoded = decode_gpp_string(string)
    assert decoded.section_ids == (7, 28, 400)
    assert decoded.sections[1:] == (UnknownSection(id=28), UnknownSection(id=400))
    assert decoded.to_dict()["sectionIds"] == [7, 28, 400]


def test_a_header_without_sections_says_nothing() -> None:
    assert decode_gpp_string("DBAA").sections == ()


@pytest.mark.parametrize(
    ("ids", "text"), [([2], "DBABM"), ([2, 6], "DBACNY"), ([5, 6], "DBABjw")]
)
def test_headers_are_those_of_the_specification(ids: list[int], text: str) -> None:
    europe = next(one for one in _OWN["vectors"] if one["name"] == "tcfeuv2")
    canada = next(one for one in _OWN["vectors"] if one["name"] == "tcfcav1_bits")
    texts = {
        2: europe["string"].partition("~")[2],
        5: canada["string"].partition("~")[2],
        6: "1YNN",
    }
    decoded = decode_gpp_string("~".join((text, *(texts[one] for one in ids))))
    assert decoded.section_ids == tuple(ids)


def test_a_tc_string_is_decoded_by_the_decoder_of_tc_strings() -> None:
    vector = next(one for one in _OWN["vectors"] if one["name"] == "tcfeuv2")
    (section,) = decode_gpp_string(vector["string"]).sections
    assert isinstance(section, EUSection)
    assert section.text == vector["string"].partition("~")[2]
    assert 91 in section.tc.vendor_consents
    assert section.tc.publisher_tc is not None


def test_a_group_of_vendors_is_not_expanded_by_decoding() -> None:
    # Canada, with vendors 1 to 65535 as one group, twice.
    bits = encoder.number(1, 6) + "0" * (36 + 36 + 12 + 12 + 6)
    bits += encoder.number(4, 6) + encoder.number(13, 6) + "0" * (12 + 6 + 1 + 12 + 48)
    group = encoder.number(65_535, 16) + "1" + encoder.number(1, 12) + "1"
    group += encoder.fibonacci(1) + encoder.fibonacci(65_534)
    text = encoder.characters(bits + group + group + "0" * 12)
    section = decode_section(5, text)
    assert "65535" in repr(section)
    assert len(repr(section)) < 3_000


def _canada(vendors: str, restrictions: str) -> str:
    """Return section 5 up to its vendors, of CMP 4, in French, and then these."""
    bits = encoder.number(1, 6) + "0" * (36 + 36) + encoder.number(4, 12)
    bits += "0" * (12 + 6) + encoder.number(5, 6) + encoder.number(17, 6)
    bits += "0" * (12 + 6 + 1 + 12 + 24 + 24)
    return encoder.characters(bits + vendors + "0" * 17 + restrictions)


def _ids(*ids: int, is_fixed: bool) -> str:
    """Return ids as ranges, in either form."""
    entries = encoder.groups(ids)
    bits = encoder.number(len(entries), 12)
    before = 0
    for first, last in entries:
        is_group = last > first
        write = (lambda one: encoder.number(one, 16)) if is_fixed else encoder.fibonacci
        base, start = (0, 0) if is_fixed else (before, first)
        bits += "01"[is_group] + write(first - base)
        bits += write(last - start) if is_group else ""
        before = last
    return bits


@pytest.mark.parametrize("is_fixed", [False, True])
def test_vendors_of_canada_are_read_in_the_form_of_today_and_in_that_of_old(
    is_fixed: bool,
) -> None:
    vendors = (12, 500, 501, 502, 60_000)
    announced = encoder.number(60_000, 16) + "1" + _ids(*vendors, is_fixed=is_fixed)
    restricted = _ids(7, 8, is_fixed=is_fixed)
    if not is_fixed:
        restricted = encoder.number(8, 16) + "1" + restricted
    restriction = encoder.number(1, 12) + encoder.number(3, 6) + encoder.number(1, 2)
    section = decode_section(5, _canada(announced, restriction + restricted))
    assert not isinstance(section, UnknownSection)
    shown = section.to_dict()
    assert shown["ConsentLanguage"] == "FR"
    assert shown["VendorExpressConsent"] == list(vendors)
    assert shown["PubRestrictions"] == [{"key": 3, "type": 1, "ids": [7, 8]}]


@pytest.mark.parametrize(
    ("purpose", "kind", "ids"), [(0, 1, (7,)), (25, 1, (7,)), (3, 3, (7,))]
)
def test_a_restriction_that_canada_does_not_have_is_refused(
    purpose: int, kind: int, ids: tuple[int, ...]
) -> None:
    restriction = (
        encoder.number(1, 12) + encoder.number(purpose, 6) + encoder.number(kind, 2)
    )
    text = _canada("0" * 17, restriction + _ids(*ids, is_fixed=True))
    with pytest.raises(GPPStringError) as caught:
        decode_section(5, text)
    assert caught.value.reason is DecodeReason.VALUE


def test_ranges_of_canada_that_run_backwards_are_refused() -> None:
    backwards = encoder.number(1, 12) + "1" + encoder.number(9, 16)
    backwards += encoder.number(4, 16)
    text = _canada(encoder.number(4, 16) + "1" + backwards, "0" * 12)
    with pytest.raises(GPPStringError):
        decode_section(5, text)


_SECTIONS = st.sampled_from(sorted(US_LAYOUTS))


@st.composite
def said_by(draw: st.DrawFn, section: int) -> dict[str, Any]:
    """Any values that a US section may have."""
    version = draw(st.sampled_from([1, 2])) if section == 7 else 1
    layout: Layout = encoder.layout_of(section, version)
    fields = (*layout.fields, *((layout.subsection,) if layout.subsection else ()))
    item = st.integers(0, 2)
    values: dict[str, Any] = (
        {"MspaVersion": draw(st.integers(0, 63))}
        if layout.version is None
        else {"Version": version}
    )
    for field in fields:
        some = st.lists(item, min_size=field.count, max_size=field.count)
        values[field.name] = draw(some if field.is_list else item)
    if layout.has_gpc:
        values |= {"GpcSegmentType": 1, "Gpc": draw(st.booleans())}
    return values


paddings = st.sampled_from([encoder.BYTES, encoder.CHARACTERS, encoder.FOUR_CHARACTERS])


@given(st.data(), st.sets(_SECTIONS, max_size=6), paddings)
def test_what_is_written_by_the_table_is_read_by_it(
    data: st.DataObject, sections: set[int], padding: tuple[int, ...]
) -> None:
    said = {one: data.draw(said_by(one)) for one in sorted(sections)}
    string = encoder.gpp(
        {
            one: encoder.us_section(one, values, padding=padding)
            for one, values in said.items()
        },
        padding,
    )
    decoded = decode_gpp_string(string)
    assert decoded.section_ids == tuple(said)
    assert decoded.to_dict()["sections"] == {
        US_LAYOUTS[one][0].name: values for one, values in said.items()
    }


@given(st.sets(st.integers(28, 65_535), max_size=20), paddings)
def test_any_ids_in_order_are_read_from_a_header(
    ids: set[int], padding: tuple[int, ...]
) -> None:
    string = encoder.gpp(dict.fromkeys(ids, "x"), padding)
    assert decode_gpp_string(string).section_ids == tuple(sorted(ids))
