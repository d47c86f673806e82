"""TC strings of IAB TCF v2: decoded whole or refused, vendors as they came.

- Version 2 alone. The core stands first; the segments 1 (disclosed vendors), 2 (allowed
  vendors, of old) and 3 (publisher) follow once each, in any order.
- Every field fits and every bit after the last field is zero. How many there are says
  nothing: encoders pad as they like.
- A string decodes to what it says or raises ``TCStringError``, and nothing else.
- Strict and lazy at once: a field of bits is checked by its length; a list of ranges is
  walked once, entry by entry, because its length cannot be known otherwise, and in the
  same step each entry is compared with its bounds. No id is ever expanded here.

Refuses: guessing at what was cut off, CMP ids 0 and 1, the id zero, ranges that run
backwards or beyond ``MaxVendorId``, restriction type 3, letters beyond Z.

Source: IAB Transparency and Consent String with Global Vendor List Format v2;
docs/decisions/0062-own-tc-decoder.md.
"""

from datetime import UTC, datetime
from enum import IntEnum
from typing import Final, NoReturn

import msgspec

from cdp.consent.decoders.bits import (
    BITS_PER_CHARACTER,
    MAX_CHARACTERS,
    read_octets,
)
from cdp.consent.decoders.id_sets import (
    FLAG_BITS,
    ID_BITS,
    ONLY_ID_BITS,
    RANGE_BITS,
    WORD,
    WORD_BYTES,
    BitField,
    IdRanges,
    IdSet,
)
from cdp.consent.errors import DecodeReason, TCStringError

VERSION: Final = 2
PURPOSES: Final = 24
SPECIAL_FEATURES: Final = 12

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWEST_CMP_ID: Final = 2

# Sizes in bits.
_DECISECONDS: Final = (1 << 36) - 1
_COUNT_BITS: Final = 12
_COUNT: Final = (1 << _COUNT_BITS) - 1
_TYPE_BITS: Final = 2
_VENDORS_BITS: Final = ID_BITS + FLAG_BITS
_RESTRICTION_BITS: Final = 6 + _TYPE_BITS + _COUNT_BITS
_SEGMENT_BITS: Final = 3
_WORD_BITS: Final = 8 * WORD_BYTES
# The fixed fields of the core; two empty vendor sections and the number of restrictions
# are the least that follows.
_FIXED_BITS: Final = 213
_FIXED_BYTES: Final = 27
_LEAST_CORE_BITS: Final = _FIXED_BITS + 2 * _VENDORS_BITS + _COUNT_BITS
# All of a publisher's segment but the purposes it made up itself.
_LEAST_PUBLISHER_BITS: Final = _SEGMENT_BITS + 2 * PURPOSES + 6

# So many entries are read from one number: shifting a short number costs less, and the
# time stays linear however long the list is.
_BLOCK: Final = 32
_BLOCK_BYTES: Final = _BLOCK * RANGE_BITS // 8 + 1
_ENTRY: Final = (1 << RANGE_BITS) - 1
_ID: Final = (1 << ID_BITS) - 1
# The least entries of both kinds whose (first) id is not zero.
_LEAST_ONLY: Final = 1 << ID_BITS
_LEAST_RANGE: Final = 1 << 2 * ID_BITS | 1 << ID_BITS

_CORE: Final = "core"
_RESTRICTIONS: Final = "publisher_restrictions"
_UNDEFINED: Final = 3
_CORE_TYPE, _DISCLOSED, _ALLOWED, _PUBLISHER = range(4)
_SEGMENTS: Final = {
    _CORE_TYPE: _CORE,
    _DISCLOSED: "disclosed_vendors",
    _ALLOWED: "allowed_vendors",
    _PUBLISHER: "publisher_tc",
}


class RestrictionType(IntEnum):
    """What a publisher asks of a vendor for one purpose."""

    NOT_ALLOWED = 0
    REQUIRE_CONSENT = 1
    REQUIRE_INTEREST = 2


_TYPES: Final = tuple(RestrictionType)
_NO_IDS: Final = BitField(0, 0)


class PublisherRestriction(msgspec.Struct, frozen=True, gc=False):
    """For ``vendors``, a purpose is restricted."""

    purpose_id: int
    restriction_type: RestrictionType
    vendors: IdRanges


class PublisherTC(msgspec.Struct, frozen=True, gc=False):
    """What the person told the publisher itself."""

    pub_purposes_consent: BitField
    pub_purposes_li_transparency: BitField
    custom_purposes_consent: BitField
    custom_purposes_li_transparency: BitField

    @property
    def num_custom_purposes(self) -> int:
        """How many purposes the publisher made up."""
        return self.custom_purposes_consent.max_id


class TCString(msgspec.Struct, frozen=True, gc=False):
    """A TC string, field by field, under the names of the standard.

    Purposes, special features and vendors are sets: ``1 in tc.purposes_consent``,
    ``tc.vendor_consents.ids()``. A segment that is not there is None.
    """

    version: int
    created: datetime
    last_updated: datetime
    cmp_id: int
    cmp_version: int
    consent_screen: int
    consent_language: str
    vendor_list_version: int
    tcf_policy_version: int
    is_service_specific: bool
    use_non_standard_texts: bool
    special_feature_opt_ins: BitField
    purposes_consent: BitField
    purposes_li_transparency: BitField
    purpose_one_treatment: bool
    publisher_cc: str
    vendor_consents: IdSet
    vendor_legitimate_interests: IdSet
    publisher_restrictions: tuple[PublisherRestriction, ...]
    disclosed_vendors: IdSet | None = None
    allowed_vendors: IdSet | None = None
    publisher_tc: PublisherTC | None = None


def decode_tc_string(text: str, *, lowest_cmp_id: int = _LOWEST_CMP_ID) -> TCString:
    """Decode a whole TC string.

    Args:
        lowest_cmp_id: ids of a CMP below it are refused. Zero is for a section of a GPP
            string, which is filled in before a CMP has spoken.

    Raises:
        TCStringError: it is not one, in any respect.
    """
    if len(text) > MAX_CHARACTERS:
        raise TCStringError(DecodeReason.TOO_LONG)
    core, *others = text.split(".")
    octets = read_octets(core, TCStringError, _CORE, spare=WORD_BYTES)
    size = BITS_PER_CHARACTER * len(core)
    _refuse_other_versions(octets[0] >> 2)
    if size < _LEAST_CORE_BITS:
        raise TCStringError(DecodeReason.TRUNCATED, _CORE)
    fixed = int.from_bytes(octets[:_FIXED_BYTES]) >> 3
    cmp_id = fixed >> 123 & 0xFFF
    if cmp_id < lowest_cmp_id:
        raise TCStringError(DecodeReason.VALUE, "cmp_id")
    consents, at = _vendors(octets, _FIXED_BITS, size, "vendor_consents")
    interests, at = _vendors(octets, at, size, "vendor_legitimate_interests")
    restrictions, at = _restrictions(octets, at, size)
    _refuse_rest(octets, at, size, _CORE)
    disclosed, allowed, publisher = _segments(others) if others else (None, None, None)
    created, updated = fixed >> 171 & _DECISECONDS, fixed >> 135 & _DECISECONDS
    created_at = _instant(created)
    # By place, in the order of the standard: naming 22 fields takes a microsecond more.
    return TCString(
        VERSION,
        created_at,
        # Since TCF 2.2 the two are one.
        created_at if updated == created else _instant(updated),
        cmp_id,
        fixed >> 111 & 0xFFF,
        fixed >> 105 & 0x3F,
        _two_letters(fixed >> 93 & 0xFFF, "consent_language"),
        fixed >> 81 & 0xFFF,
        fixed >> 75 & 0x3F,
        bool(fixed >> 74 & 1),
        bool(fixed >> 73 & 1),
        BitField(fixed >> 61 & 0xFFF, SPECIAL_FEATURES),
        BitField(fixed >> 37 & 0xFFFFFF, PURPOSES),
        BitField(fixed >> 13 & 0xFFFFFF, PURPOSES),
        bool(fixed >> 12 & 1),
        _two_letters(fixed & 0xFFF, "publisher_cc"),
        consents,
        interests,
        restrictions,
        disclosed,
        allowed,
        publisher,
    )


def _refuse_other_versions(version: int) -> None:
    if version == VERSION:
        return
    # A core has no segment type. Its first three bits are those of the version.
    if version >> _SEGMENT_BITS in (_DISCLOSED, _ALLOWED, _PUBLISHER):
        raise TCStringError(DecodeReason.NO_CORE)
    raise TCStringError(DecodeReason.VERSION)


def _instant(deciseconds: int) -> datetime:
    return datetime.fromtimestamp(deciseconds / 10, UTC)


def _two_letters(number: int, where: str) -> str:
    try:
        return _LETTERS[number >> 6] + _LETTERS[number & 0x3F]
    except IndexError as failure:
        raise TCStringError(DecodeReason.VALUE, where) from failure


def _refuse_rest(octets: bytes, at: int, size: int, where: str) -> None:
    """Refuse a segment that ends within its fields, or with a bit set behind them."""
    if at > size:
        raise TCStringError(DecodeReason.TRUNCATED, where)
    # Behind the characters stand only zeros, so the rest may be taken to the very end.
    byte = at >> 3
    if octets[byte] & 0xFF >> (at & 7) or octets[byte + 1 :].strip(b"\0"):
        raise TCStringError(DecodeReason.TRAILING, where)


def _short(octets: bytes, at: int, bits: int) -> int:
    """Return at most 57 bits as a number; ``octets`` has a word of zeros to spare."""
    (word,) = WORD.unpack_from(octets, at >> 3)
    shifted: int = word >> _WORD_BITS - bits - (at & 7)
    return shifted & (1 << bits) - 1


def _bit_field(octets: bytes, at: int, end: int) -> BitField:
    covering = int.from_bytes(octets[at >> 3 : end + 7 >> 3])
    return BitField(covering >> (-end & 7) & (1 << end - at) - 1, end - at)


def _vendors(octets: bytes, at: int, size: int, where: str) -> tuple[IdSet, int]:
    """Return a vendor section and the bit that follows it."""
    (word,) = WORD.unpack_from(octets, at >> 3)
    # The count of entries is read along; a field of bits begins in its place.
    head = word >> _WORD_BITS - _VENDORS_BITS - _COUNT_BITS - (at & 7)
    max_id = head >> FLAG_BITS + _COUNT_BITS & _ID
    at += _VENDORS_BITS
    if head >> _COUNT_BITS & 1:
        start = at + _COUNT_BITS
        return _ranges(octets, start, head & _COUNT, max_id, size, where)
    end = at + max_id
    if end > size:
        raise TCStringError(DecodeReason.TRUNCATED, where)
    return _bit_field(octets, at, end), end


def _restrictions(
    octets: bytes, at: int, size: int
) -> tuple[tuple[PublisherRestriction, ...], int]:
    """Return the publisher restrictions and the bit that follows them."""
    end = at + _COUNT_BITS
    if end > size:
        raise TCStringError(DecodeReason.TRUNCATED, _RESTRICTIONS)
    count = _short(octets, at, _COUNT_BITS)
    if not count:
        return (), end
    found: list[PublisherRestriction] = []
    for _ in range(count):
        if end + _RESTRICTION_BITS > size:
            raise TCStringError(DecodeReason.TRUNCATED, _RESTRICTIONS)
        head = _short(octets, end, _RESTRICTION_BITS)
        purpose_id = head >> _TYPE_BITS + _COUNT_BITS
        kind = head >> _COUNT_BITS & 3
        if not purpose_id or kind == _UNDEFINED:
            raise TCStringError(DecodeReason.VALUE, _RESTRICTIONS)
        start = end + _RESTRICTION_BITS
        vendors, end = _ranges(octets, start, head & _COUNT, _ID, size, _RESTRICTIONS)
        found.append(PublisherRestriction(purpose_id, _TYPES[kind], vendors))
    return tuple(found), end


def _ranges(
    octets: bytes, start: int, entries: int, max_id: int, size: int, where: str
) -> tuple[IdRanges, int]:
    """Return so many ranges and the bit that follows them, each looked at once.

    An entry is 33 bits (``IsARange``, a first and a last id) or the first 17 of them
    (an only id). One comparison tells the two apart and refuses the id zero.
    """
    if start + entries * ONLY_ID_BITS > size:
        raise TCStringError(DecodeReason.TRUNCATED, where)
    beyond_only = max_id + 1 << ID_BITS
    # The entry under way begins at bit ``origin - left``: ``left`` places from the end
    # of ``block``. Below zero the next block is due.
    origin, left, block = start - 1, -1, 0
    for _ in range(entries):
        if left < 0:
            at = origin - left
            piece = octets[at >> 3 : (at >> 3) + _BLOCK_BYTES]
            block = int.from_bytes(piece.ljust(_BLOCK_BYTES, b"\0"))
            left = 8 * _BLOCK_BYTES - RANGE_BITS - (at & 7)
            origin = at + left
        entry = block >> left & _ENTRY
        if _LEAST_ONLY <= entry < beyond_only:
            left -= ONLY_ID_BITS
        elif entry >= _LEAST_RANGE and entry >> ID_BITS & _ID <= entry & _ID <= max_id:
            left -= RANGE_BITS
        else:
            _refuse_entry(entry, origin - left, size, where)
    return IdRanges(octets, start, entries, max_id), origin - left


def _refuse_entry(entry: int, at: int, size: int, where: str) -> NoReturn:
    """Refuse an entry, by its bounds where it is all there."""
    bits = RANGE_BITS if entry >> RANGE_BITS - 1 else ONLY_ID_BITS
    cut = at + bits > size
    reason = DecodeReason.TRUNCATED if cut else DecodeReason.RANGE
    raise TCStringError(reason, where)


def _segments(
    others: list[str],
) -> tuple[IdSet | None, IdSet | None, PublisherTC | None]:
    """Return the disclosed and the allowed vendors and what the publisher was told."""
    vendors: dict[int, IdSet] = {}
    publisher: PublisherTC | None = None
    for text in others:
        octets = read_octets(text, TCStringError, "segment", spare=WORD_BYTES)
        kind = octets[0] >> 8 - _SEGMENT_BITS
        where = _SEGMENTS.get(kind)
        if where is None:
            raise TCStringError(DecodeReason.SEGMENT_TYPE)
        if kind in vendors or kind == _CORE_TYPE or (kind == _PUBLISHER and publisher):
            raise TCStringError(DecodeReason.DUPLICATE, where)
        size = BITS_PER_CHARACTER * len(text)
        if kind == _PUBLISHER:
            publisher, end = _publisher(octets, size, where)
        else:
            vendors[kind], end = _vendors(octets, _SEGMENT_BITS, size, where)
        _refuse_rest(octets, end, size, where)
    return vendors.get(_DISCLOSED), vendors.get(_ALLOWED), publisher


def _publisher(octets: bytes, size: int, where: str) -> tuple[PublisherTC, int]:
    """Return what the publisher was told and the bit that follows it."""
    if size < _LEAST_PUBLISHER_BITS:
        raise TCStringError(DecodeReason.TRUNCATED, where)
    fixed = _short(octets, 0, _LEAST_PUBLISHER_BITS)
    consents = BitField(fixed >> 30 & 0xFFFFFF, PURPOSES)
    interests = BitField(fixed >> 6 & 0xFFFFFF, PURPOSES)
    custom, start = fixed & 0x3F, _LEAST_PUBLISHER_BITS
    if not custom:
        return PublisherTC(consents, interests, _NO_IDS, _NO_IDS), start
    middle, end = start + custom, start + 2 * custom
    if end > size:
        raise TCStringError(DecodeReason.TRUNCATED, where)
    found = PublisherTC(
        consents,
        interests,
        _bit_field(octets, start, middle),
        _bit_field(octets, middle, end),
    )
    return found, end
