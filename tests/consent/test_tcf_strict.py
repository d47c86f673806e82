"""Whatever is no TC string raises the one error; a flipped bit changes what is said."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent.decoders.bits import read_base64url, read_octets, write_base64url
from cdp.consent.decoders.tcf import decode_tc_string
from cdp.consent.errors import DecodeReason, TCStringError
from tests.consent import tc_encoder as encoder
from tests.consent.tc_encoder import ALPHABET, TC, Publisher, Vendors, change

_ROOT = Path(__file__).resolve().parents[2]
_OWN = json.loads((_ROOT / "tests/vectors/tc_strings.json").read_text("utf-8"))
_STRINGS = [vector["string"] for vector in _OWN["vectors"]]
_SHORT = [string for string in _STRINGS if len(string) < 120]

_RICH = TC(
    consents="1" * 24,
    vendor_consents=encoder.ranged((3, 9), (12,), (20, 21)),
    vendor_interests=encoder.listed([1, 5, 9]),
    restrictions=((2, 1, ((3,), (5, 8))), (7, 0, ())),
    segments=(
        (1, encoder.listed([1, 2, 40])),
        (2, encoder.ranged((4, 6))),
        (3, Publisher("1" * 24, "0" * 24, "101", "010")),
    ),
)
_GOOD = encoder.write(_RICH)
_CORE, _DISCLOSED, _ALLOWED, _PUBLISHER = _GOOD.split(".")
_CORE_BITS = encoder.core_bits(_RICH)


def _reason(text: str) -> tuple[str, str]:
    with pytest.raises(TCStringError) as failure:
        decode_tc_string(text)
    return failure.value.reason.value, failure.value.where


def _core(bits: str) -> str:
    return encoder.characters(bits)


def _consents(what: Vendors) -> str:
    return encoder.write(change(_RICH, vendor_consents=what))


def _restricted(*restrictions: object) -> str:
    return encoder.write(change(_RICH, restrictions=restrictions))


def test_the_string_that_the_tables_break_is_whole() -> None:
    assert encoder.said_by(decode_tc_string(_GOOD)) == encoder.said(_RICH)


_TABLE = {
    "nothing": ("", "empty", "core"),
    "a lone dot": (".", "empty", "core"),
    "a dot in front": (f".{_GOOD}", "empty", "core"),
    "a dot behind": (f"{_GOOD}.", "empty", "segment"),
    "two dots": (f"{_CORE}..{_DISCLOSED}", "empty", "segment"),
    "padding": (f"{_CORE}=", "alphabet", "core"),
    "padding of a segment": (f"{_CORE}.{_DISCLOSED}==", "alphabet", "segment"),
    "a plus": (f"{_CORE[:-1]}+", "alphabet", "core"),
    "a slash": (f"{_CORE[:-1]}/", "alphabet", "core"),
    "a blank in front": (f" {_GOOD}", "alphabet", "core"),
    "a blank behind": (f"{_GOOD} ", "alphabet", "segment"),
    "a newline": (f"{_GOOD}\n", "alphabet", "segment"),
    "a newline inside": (f"{_CORE[:20]}\n{_CORE[20:]}", "alphabet", "core"),
    "a zero byte": (f"{_CORE}\0", "alphabet", "core"),
    "a percent sign": (f"{_CORE}%2E{_DISCLOSED}", "alphabet", "core"),
    "a tilde": (f"{_CORE}~{_DISCLOSED}", "alphabet", "core"),
    "a full-width letter": (f"\uff23{_CORE[1:]}", "alphabet", "core"),
    "a lone surrogate": (f"{_CORE}\ud800", "alphabet", "core"),
    "quotes": (f'"{_GOOD}"', "alphabet", "core"),
    "32 KiB and one": (_CORE + "A" * (32 * 1024 + 1 - len(_CORE)), "too_long", ""),
    "too many dots": ("." * (32 * 1024 + 1), "too_long", ""),
    "version 0": (f"A{_GOOD[1:]}", "version", ""),
    "version 1": (f"B{_GOOD[1:]}", "version", ""),
    "version 3": (f"D{_GOOD[1:]}", "version", ""),
    "version 7": (f"H{_GOOD[1:]}", "version", ""),
    "version 63": (f"_{_GOOD[1:]}", "version", ""),
    "a version alone": ("B", "version", ""),
    "a lone publisher segment": (_PUBLISHER, "no_core", ""),
    "a lone list of vendors": (_DISCLOSED, "no_core", ""),
    "the core at the end": (f"{_DISCLOSED}.{_CORE}", "no_core", ""),
    "the core alone, cut": ("C", "truncated", "core"),
    "a core without its end": (_core(_CORE_BITS[:240]), "truncated", "core"),
    "a second core": (f"{_CORE}.{_CORE}", "duplicate", "core"),
    "disclosed vendors twice": (
        f"{_GOOD}.{_DISCLOSED}",
        "duplicate",
        "disclosed_vendors",
    ),
    "allowed vendors twice": (f"{_GOOD}.{_ALLOWED}", "duplicate", "allowed_vendors"),
    "the publisher twice": (f"{_GOOD}.{_PUBLISHER}", "duplicate", "publisher_tc"),
    "segment type 4": (f"{_CORE}.gAAA", "segment_type", ""),
    "segment type 7": (f"{_CORE}._AAA", "segment_type", ""),
    "a segment of one sign": (f"{_CORE}.I", "truncated", "disclosed_vendors"),
    "a publisher cut short": (f"{_CORE}.YAAAAAAAA", "truncated", "publisher_tc"),
    "a publisher whose own purposes are cut": (
        f"{_CORE}.{_core('011' + '0' * 48 + '111111' + '0' * 60)}",
        "truncated",
        "publisher_tc",
    ),
    "CMP 0": (encoder.write(change(_RICH, cmp_id=0)), "value", "cmp_id"),
    "CMP 1": (encoder.write(change(_RICH, cmp_id=1)), "value", "cmp_id"),
    "a language beyond Z": (
        encoder.write(change(_RICH, consent_language=(0, 26))),
        "value",
        "consent_language",
    ),
    "a country beyond Z": (
        encoder.write(change(_RICH, publisher_cc=(63, 0))),
        "value",
        "publisher_cc",
    ),
    "a vendor zero": (
        _consents(encoder.ranged((0,), (5,))),
        "range",
        "vendor_consents",
    ),
    "a range from zero": (
        _consents(encoder.ranged((0, 5))),
        "range",
        "vendor_consents",
    ),
    "a range backwards": (
        _consents(Vendors(9, entries=((9, 3),))),
        "range",
        "vendor_consents",
    ),
    "a vendor above the highest": (
        _consents(Vendors(9, entries=((10,),))),
        "range",
        "vendor_consents",
    ),
    "a range above the highest": (
        _consents(Vendors(9, entries=((3, 10),))),
        "range",
        "vendor_consents",
    ),
    "the highest is zero": (
        _consents(Vendors(0, entries=((1,),))),
        "range",
        "vendor_consents",
    ),
    "a bad range far down a list": (
        _consents(Vendors(99, entries=((7,),) * 90 + ((8, 7),))),
        "range",
        "vendor_consents",
    ),
    "fewer entries than told": (
        _core(_CORE_BITS[:230] + "1" * 12 + "0" * 60),
        "truncated",
        "vendor_consents",
    ),
    "a restriction of purpose 0": (
        _restricted((0, 1, ())),
        "value",
        "publisher_restrictions",
    ),
    "restriction type 3": (
        _restricted((2, 3, ((1,),))),
        "value",
        "publisher_restrictions",
    ),
    "restriction type 3 of nobody": (
        _restricted((2, 3, ())),
        "value",
        "publisher_restrictions",
    ),
    "a restricted vendor zero": (
        _restricted((2, 1, ((0,),))),
        "range",
        "publisher_restrictions",
    ),
    "a restriction backwards": (
        _restricted((2, 1, ((5, 4),))),
        "range",
        "publisher_restrictions",
    ),
    "a bit behind the core": (_core(_CORE_BITS + "1"), "trailing", "core"),
    "a bit far behind the core": (
        _core(_CORE_BITS + "0" * 90 + "1"),
        "trailing",
        "core",
    ),
    "a character behind the vendors": (
        f"{_CORE}.{_DISCLOSED}AB",
        "trailing",
        "disclosed_vendors",
    ),
    "a character behind the publisher": (
        f"{_CORE}.{_PUBLISHER}B",
        "trailing",
        "publisher_tc",
    ),
}


@pytest.mark.parametrize("name", _TABLE)
def test_a_malformed_string_has_its_reason(name: str) -> None:
    text, reason, where = _TABLE[name]
    assert _reason(text) == (reason, where)


def test_the_table_reaches_every_reason_that_a_tc_string_has() -> None:
    # A count has to be right in GPP strings alone.
    reached = {reason for _, reason, _ in _TABLE.values()}
    assert reached == {reason.value for reason in DecodeReason} - {"count"}


def test_an_error_names_no_part_of_the_string() -> None:
    for text, *_ in _TABLE.values():
        with pytest.raises(TCStringError) as failure:
            decode_tc_string(text)
        assert text[:8] not in str(failure.value) or len(text) < 8


@pytest.mark.parametrize("order", list(itertools.permutations(_GOOD.split(".")[1:])))
def test_the_segments_come_in_any_order(order: tuple[str, ...]) -> None:
    assert decode_tc_string(".".join([_CORE, *order])) == decode_tc_string(_GOOD)


def test_unread_zeros_may_be_many() -> None:
    longest = _CORE + "A" * (32 * 1024 - len(_CORE))
    assert decode_tc_string(longest).vendor_consents.ids() == (
        decode_tc_string(_CORE).vendor_consents.ids()
    )


# Whatever happens to a valid string: it says what its bits say, or raises.


def _agrees(text: str) -> None:
    """The decoder and the slow reader refuse the same and read the same."""
    slow = encoder.read(text)
    try:
        tc = decode_tc_string(text)
    except TCStringError:
        assert slow is None, text
        return
    assert slow is not None, text
    assert encoder.said_by(tc) == encoder.said(slow)
    written = encoder.write(slow, padding=6).split(".")
    for bare, given_ in zip(written, text.split("."), strict=True):
        assert given_.rstrip("A") == bare.rstrip("A")


@pytest.mark.parametrize("string", [_GOOD, *_SHORT])
def test_every_cut_says_what_is_left_or_raises(string: str) -> None:
    for end in range(len(string)):
        _agrees(string[:end])
        _agrees(string[end:])
        _agrees(string[:end] + string[end + 1 :])


@pytest.mark.parametrize("string", [_GOOD, *_SHORT[:8]])
def test_every_bit_flip_says_what_it_says_or_raises(string: str) -> None:
    for at, sign in enumerate(string):
        if sign == ".":
            continue
        for bit in range(6):
            other = ALPHABET[ALPHABET.index(sign) ^ 1 << bit]
            _agrees(string[:at] + other + string[at + 1 :])


@given(st.sampled_from(_STRINGS), st.data())
def test_any_mixture_of_segments_says_what_it_says_or_raises(
    string: str, data: st.DataObject
) -> None:
    parts = [*string.split("."), *data.draw(st.sampled_from(_STRINGS)).split(".")]
    chosen = data.draw(st.lists(st.sampled_from(parts), max_size=5))
    _agrees(".".join(chosen))


@given(st.sampled_from(_STRINGS), st.data())
def test_swapped_and_doubled_pieces_say_what_they_say_or_raise(
    string: str, data: st.DataObject
) -> None:
    cuts = data.draw(
        st.lists(st.integers(0, len(string)), min_size=2, max_size=4).map(sorted)
    )
    pieces = [string[a:b] for a, b in itertools.pairwise([0, *cuts, len(string)])]
    _agrees("".join(data.draw(st.permutations([*pieces, pieces[1]]))))


@given(st.text(f"{ALPHABET}.", max_size=120))
def test_noise_of_the_alphabet_raises_the_one_error(noise: str) -> None:
    _agrees(noise)
    _agrees(f"C{noise}")
    _agrees(f"{_CORE}.{noise}")


@given(st.text(max_size=40))
def test_any_text_raises_the_one_error(noise: str) -> None:
    for text in (noise, f"{_CORE}{noise}", f"{noise}{_CORE}", f"{_CORE}.{noise}"):
        try:
            decode_tc_string(text)
        except TCStringError:
            continue


@given(st.text(ALPHABET, min_size=1, max_size=80), st.integers(0, 20))
def test_base64url_is_read_bit_by_bit(text: str, spare: int) -> None:
    bits = read_base64url(text, TCStringError)
    spelled = encoder.bits_in(text)
    assert (bits.number, bits.size) == (int(spelled, 2), len(spelled))
    assert write_base64url(bits) == text
    octets = read_octets(text, TCStringError, spare=spare)
    assert f"{int.from_bytes(octets):0{8 * len(octets)}b}".startswith(spelled)
    assert len(octets) >= len(spelled) // 8 + spare
