"""Find identifying numbers in free text.

- Spans are of the text as given: [start, end), in characters.
- Full-width digits and letters, other scripts' digits and other dashes count as their
  ASCII twins, so that a number cannot be hidden by its spelling.
- A match of format alone counts. Resident registration numbers (주민등록번호) issued
  since October 2020 have no check digit, so a checksum would let people through.
- ``looks_like_rrn`` is stricter than the kinds of a policy: it refuses the numbers of
  residents and of foreigners (외국인등록번호) alike, everywhere (PIPA 24-2).

Source: PIPA Enforcement Decree Art. 19; number formats of the Korean registration acts;
ISO/IEC 7812-1 annex B (Luhn).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from cdp.policy.documents import DetectKind

Span: TypeAlias = tuple[int, int]

_DASH = "[- ]?"
_DATE = r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_FREE = r"(?<![0-9])"
_END = r"(?![0-9])"
_WORD = r"(?<![A-Za-z0-9])"
_WORD_END = r"(?![A-Za-z0-9])"

# The 7th digit says century and sex: 1 to 4 residents, 5 to 8 foreigners.
_PATTERNS: dict[DetectKind, re.Pattern[str]] = {
    "KR_RRN": re.compile(rf"{_FREE}{_DATE}{_DASH}[1-4][0-9]{{6}}{_END}"),
    "KR_FRN": re.compile(rf"{_FREE}{_DATE}{_DASH}[5-8][0-9]{{6}}{_END}"),
    # M ordinary, S single, R residence, O official, D diplomatic; the form since 2021
    # has a letter in its middle, the older one eight digits.
    "KR_PASSPORT": re.compile(
        rf"{_WORD}[MSRODmsrod](?:[0-9]{{3}}[A-Za-z][0-9]{{4}}|[0-9]{{8}}){_WORD_END}"
    ),
    # The first two digits are the issuing region: 11 to 26, and 28.
    "KR_DRIVER_LICENSE": re.compile(
        rf"{_FREE}(?:1[1-9]|2[0-68])[- ][0-9]{{2}}[- ][0-9]{{6}}[- ][0-9]{{2}}{_END}"
    ),
    "CARD": re.compile(rf"{_FREE}[0-9](?:{_DASH}[0-9]){{12,18}}{_END}"),
    "EMAIL": re.compile(
        r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}(?![\w-])"
    ),
    # Korean numbers at home and abroad, and any other in the international form.
    "PHONE": re.compile(
        rf"(?<![0-9+])(?:\+?82[- ]?|0)(?:1[016789]|2|[3-6][1-5]|70|50[2-8]?)"
        rf"[- .)]{{0,2}}[0-9]{{3,4}}[- .]?[0-9]{{4}}{_END}"
        rf"|(?<![0-9+])\+[1-9](?:[- ]?[0-9]){{6,13}}{_END}"
    ),
}
_RRN_SHAPE = re.compile(rf"{_FREE}{_DATE}{_DASH}[1-8][0-9]{{6}}{_END}")
_RRN_DIGITS = 13
# 2001 to 2009 begin with a zero that a JSON number cannot hold.
_RRN_AS_NUMBER = range(10**11, 10**13)

# Unicode 15.1 has no decimal digit above U+1FBF9.
_LAST_DIGIT = 0x1FBFA


def _twins() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63), "-")
    table |= dict.fromkeys((0x00A0, 0x2007, 0x202F, 0x3000, 0x09), " ")
    for code in range(0x80, _LAST_DIGIT):
        if unicodedata.category(chr(code)) == "Nd":
            table[code] = str(unicodedata.digit(chr(code)))
    return table


_TWINS = _twins()


def looks_like_rrn(text: str) -> bool:
    """Whether ``text`` holds something shaped like a registration number."""
    if len(text) < _RRN_DIGITS:
        return False
    return _RRN_SHAPE.search(text if text.isascii() else _plain(text)) is not None


def number_looks_like_rrn(number: int) -> bool:
    """Whether a number is shaped like a registration number without its hyphen."""
    return number in _RRN_AS_NUMBER and looks_like_rrn(f"{number:013d}")


def find(text: str, kinds: Iterable[DetectKind]) -> list[Span]:
    """Return the spans of every kind in ``kinds``, in order, overlaps joined."""
    plain = _plain(text)
    hits = sorted(
        match.span()
        for kind in kinds
        for match in _PATTERNS[kind].finditer(plain)
        if _CONFIRM.get(kind, _always)(match.group())
    )
    spans: list[Span] = []
    for start, end in hits:
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def mask(text: str, kinds: Sequence[DetectKind]) -> str:
    """Replace every hit by ``***``.

    What stood beside a hit may be one only now, as the word it belonged to is gone; so
    the text is searched until nothing is found. Each round leaves fewer digits or
    letters.
    """
    while spans := find(text, kinds):
        parts: list[str] = []
        position = 0
        for start, end in spans:
            parts += (text[position:start], "***")
            position = end
        text = "".join((*parts, text[position:]))
    return text


def passes_luhn(text: str) -> bool:
    """Whether the digits of ``text`` end in their Luhn check digit."""
    digits = [int(character) for character in reversed(text) if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _plain(text: str) -> str:
    # Length is kept, so that spans are those of the text as given.
    return text if text.isascii() else text.translate(_TWINS)


def _always(_match: str) -> bool:
    return True


_CONFIRM: dict[DetectKind, Callable[[str], bool]] = {"CARD": passes_luhn}
