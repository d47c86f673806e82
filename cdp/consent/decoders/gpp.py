"""GPP strings of the IAB Global Privacy Platform: decoded whole or refused.

- The header is type 3, version 1, and the ids of the sections in Fibonacci ranges; the
  sections follow, each behind a ``~``. There are as many as the header names.
- The header is padded with zeros up to a character, a byte, or four characters; that
  is where strings in use end.
- Sections 2 (TCF EU), 5 (TCF Canada), 6 (US Privacy) and 7 to 27 (US) are decoded, by
  their id alone. Any other id is kept, and its section is not read.
- A string decodes to what it says or raises ``GPPStringError``, and nothing else.

Refuses: a bare TC string and a bare ``1YNN``; they are no GPP strings.

Source: IAB Tech Lab, GPP Consent String Specification;
docs/decisions/0063-own-gpp-decoder.md.
"""

from typing import TypeAlias

import msgspec

from cdp.consent.decoders.bits import MAX_CHARACTERS, padded_sizes, read_base64url
from cdp.consent.decoders.ca_section import CASection, decode_ca_section
from cdp.consent.decoders.eu_section import EUSection, decode_eu_section
from cdp.consent.decoders.fibonacci import read_range
from cdp.consent.decoders.us_privacy import USPrivacy, decode_us_privacy
from cdp.consent.decoders.us_sections import US_LAYOUTS, USSection, decode_us_section
from cdp.consent.errors import DecodeReason, GPPStringError

_HEADER = "header"
_TYPE = 3
_VERSION = 1
_FIXED_BITS = 12
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


class UnknownSection(msgspec.Struct, frozen=True, kw_only=True):
    """A section that we do not read; its text is kept by whoever keeps the string."""

    id: int


Section: TypeAlias = EUSection | CASection | USPrivacy | USSection | UnknownSection


class GPPString(msgspec.Struct, frozen=True):
    """The sections of a GPP string, in the order of their ids."""

    sections: tuple[Section, ...]

    @property
    def section_ids(self) -> tuple[int, ...]:
        """The ids that the header names."""
        return tuple(section.id for section in self.sections)

    def to_dict(self) -> dict[str, object]:
        """Return all fields by the standard's names, under each section's prefix."""
        return {
            "sectionIds": list(self.section_ids),
            "sections": {
                section.name: section.to_dict()
                for section in self.sections
                if not isinstance(section, UnknownSection)
            },
        }


def decode_gpp_string(text: str) -> GPPString:
    """Decode a whole GPP string.

    Raises:
        GPPStringError: it is not one, in any respect.
    """
    if len(text) > MAX_CHARACTERS:
        raise GPPStringError(DecodeReason.TOO_LONG)
    header, *sections = text.split("~")
    ids = _section_ids(header, len(sections))
    return GPPString(tuple(map(decode_section, ids, sections)))


def decode_section(section: int, text: str) -> Section:
    """Decode one section by its id.

    Raises:
        GPPStringError: it is not laid out as its standard says.
    """
    if section in US_LAYOUTS:
        return decode_us_section(section, text)
    match section:
        case 2:
            return decode_eu_section(text)
        case 5:
            return decode_ca_section(text)
        case 6:
            return decode_us_privacy(text)
        case _:
            return _unknown(section, text)


def _section_ids(header: str, count: int) -> list[int]:
    bits = read_base64url(header, GPPStringError, _HEADER)
    if bits.number >> bits.size - 6 != _TYPE:
        raise GPPStringError(DecodeReason.SEGMENT_TYPE, _HEADER)
    if bits.size < _FIXED_BITS:
        raise GPPStringError(DecodeReason.TRUNCATED, _HEADER)
    if bits.number >> bits.size - _FIXED_BITS & 0x3F != _VERSION:
        raise GPPStringError(DecodeReason.VERSION, _HEADER)
    digits = f"{bits.number:0{bits.size}b}"
    entries, end = read_range(digits, _FIXED_BITS, GPPStringError, _HEADER)
    if "1" in digits[end:] or bits.size not in padded_sizes(end):
        raise GPPStringError(DecodeReason.TRAILING, _HEADER)
    # Counted before they are listed: a group may name thousands.
    if sum(last - first + 1 for first, last in entries) != count:
        raise GPPStringError(DecodeReason.COUNT, _HEADER)
    return [one for first, last in entries for one in range(first, last + 1)]


def _unknown(section: int, text: str) -> UnknownSection:
    where = f"section {section}"
    if not text:
        raise GPPStringError(DecodeReason.EMPTY, where)
    if not _SAFE.issuperset(text):
        raise GPPStringError(DecodeReason.ALPHABET, where)
    return UnknownSection(id=section)
