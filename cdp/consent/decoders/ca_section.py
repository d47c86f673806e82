"""The TCF Canada section of a GPP string, section 5: decoded, and says nothing to us.

- The core first, then the publisher segment (3) and the disclosed vendors (1), each at
  most once, in any order.
- Vendors are bits, or ranges. Ranges are in Fibonacci code; older writers used 16 bits
  for each id. The bits do not say which, so the first form that explains all of the
  segment is taken: every field fits, the highest id is the one announced, and nothing
  but zeros is left.
- Bits stay bits and ranges stay ranges until ``to_dict`` lists their ids.

Refuses: restriction type 3, languages that are no letters, ids out of order.

Source: IAB Tech Lab, Global Privacy Platform, "Sections/Canada"; the field names are
those of that page.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec

from cdp.consent.decoders.bits import read_base64url
from cdp.consent.decoders.fibonacci import Entry, read_range
from cdp.consent.decoders.id_sets import BitField
from cdp.consent.errors import DecodeReason, GPPStringError

NAME = "tcfcav1"
_VERSION = 1
_DISCLOSED, _PUBLISHER = 1, 3
_PURPOSES = 24
_UNDEFINED_RESTRICTION = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LETTERS = 26

Entries: TypeAlias = tuple[Entry, ...]
Vendors: TypeAlias = BitField | Entries
Flags: TypeAlias = tuple[bool, ...]


class CARestriction(msgspec.Struct, frozen=True, kw_only=True):
    """A publisher's restriction of a purpose, for some vendors."""

    purpose: int
    kind: int
    vendors: Vendors


class CACore(msgspec.Struct, frozen=True, kw_only=True):
    """The core of section 5."""

    created: datetime
    last_updated: datetime
    cmp_id: int
    cmp_version: int
    consent_screen: int
    consent_language: str
    vendor_list_version: int
    policy_version: int
    use_non_standard_stacks: bool
    special_features: Flags
    purposes_express: Flags
    purposes_implied: Flags
    vendors_express: Vendors
    vendors_implied: Vendors
    restrictions: tuple[CARestriction, ...]


class CAPublisher(msgspec.Struct, frozen=True, kw_only=True):
    """The publisher segment."""

    express: Flags
    implied: Flags
    custom_express: Flags
    custom_implied: Flags


class CASection(msgspec.Struct, frozen=True, kw_only=True):
    """Section 5; a segment that is missing is None."""

    core: CACore
    publisher: CAPublisher | None = None
    disclosed: Vendors | None = None

    @property
    def id(self) -> int:
        """The section's number."""
        return 5

    @property
    def name(self) -> str:
        """The section's prefix."""
        return NAME

    def to_dict(self) -> dict[str, object]:
        """Return the fields by the standard's names.

        A segment that is missing shows its defaults, as other decoders print it.
        """
        core = self.core
        none = (False,) * _PURPOSES
        publisher = self.publisher or CAPublisher(
            express=none, implied=none, custom_express=(), custom_implied=()
        )
        return {
            "Version": _VERSION,
            "Created": _iso(core.created),
            "LastUpdated": _iso(core.last_updated),
            "CmpId": core.cmp_id,
            "CmpVersion": core.cmp_version,
            "ConsentScreen": core.consent_screen,
            "ConsentLanguage": core.consent_language,
            "VendorListVersion": core.vendor_list_version,
            "TcfPolicyVersion": core.policy_version,
            "UseNonStandardStacks": core.use_non_standard_stacks,
            "SpecialFeatureExpressConsent": list(core.special_features),
            "PurposesExpressConsent": list(core.purposes_express),
            "PurposesImpliedConsent": list(core.purposes_implied),
            "VendorExpressConsent": _ids(core.vendors_express),
            "VendorImpliedConsent": _ids(core.vendors_implied),
            "PubRestrictions": [
                {"key": one.purpose, "type": one.kind, "ids": _ids(one.vendors)}
                for one in core.restrictions
            ],
            "PubPurposesSegmentType": _PUBLISHER,
            "PubPurposesExpressConsent": list(publisher.express),
            "PubPurposesImpliedConsent": list(publisher.implied),
            "NumCustomPurposes": len(publisher.custom_express),
            "CustomPurposesExpressConsent": list(publisher.custom_express),
            "CustomPurposesImpliedConsent": list(publisher.custom_implied),
            "DisclosedVendorsSegmentType": _DISCLOSED,
            "DisclosedVendors": _ids(self.disclosed or ()),
        }


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ids(vendors: Vendors) -> list[int]:
    if isinstance(vendors, BitField):
        return sorted(vendors.ids())
    return [one for first, last in vendors for one in range(first, last + 1)]


def _fail(reason: DecodeReason) -> GPPStringError:
    return GPPStringError(reason, NAME)


class _Cursor:
    """Where we are in the bits of one segment."""

    def __init__(self, bits: str) -> None:
        self._bits = bits
        self._at = 0

    def _take(self, width: int) -> str:
        end = self._at + width
        if end > len(self._bits):
            raise _fail(DecodeReason.TRUNCATED)
        taken = self._bits[self._at : end]
        self._at = end
        return taken

    def number(self, width: int) -> int:
        return int(self._take(width) or "0", 2)

    def flag(self) -> bool:
        return self.number(1) == 1

    def flags(self, count: int) -> Flags:
        return tuple(bit == "1" for bit in self._take(count))

    def instant(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=100 * self.number(36))

    def letters(self, count: int) -> str:
        numbers = [self.number(6) for _ in range(count)]
        if any(number >= _LETTERS for number in numbers):
            raise _fail(DecodeReason.VALUE)
        return "".join(chr(ord("A") + number) for number in numbers)

    def fibonacci_range(self) -> Entries:
        entries, self._at = read_range(self._bits, self._at, GPPStringError, NAME)
        return entries

    def fixed_range(self) -> Entries:
        entries: list[Entry] = []
        below = 0
        for _ in range(self.number(12)):
            is_group = self.flag()
            first = last = self.number(16)
            if is_group:
                last = self.number(16)
            if not below < first <= last:
                raise _fail(DecodeReason.RANGE)
            entries.append((first, last))
            below = last
        return tuple(entries)

    def finish(self) -> None:
        if "1" in self._bits[self._at :]:
            raise _fail(DecodeReason.TRAILING)


_Range: TypeAlias = Callable[[_Cursor], Entries]


def _vendors(cursor: _Cursor, read: _Range) -> Vendors:
    """Read ids as bits or ranges, behind the highest of them."""
    highest = cursor.number(16)
    vendors: Vendors
    if cursor.flag():
        vendors = read(cursor)
        last = vendors[-1][1] if vendors else 0
    else:
        vendors = BitField(cursor.number(highest), highest)
        last = highest if not highest or highest in vendors else 0
    if last != highest:
        raise _fail(DecodeReason.RANGE)
    return vendors


def _fixed_restriction_vendors(cursor: _Cursor) -> Vendors:
    return cursor.fixed_range()


def _fibonacci_restriction_vendors(cursor: _Cursor) -> Vendors:
    return _vendors(cursor, _Cursor.fibonacci_range)


def _restrictions(
    cursor: _Cursor, read: Callable[[_Cursor], Vendors]
) -> tuple[CARestriction, ...]:
    found: list[CARestriction] = []
    for _ in range(cursor.number(12)):
        purpose, kind = cursor.number(6), cursor.number(2)
        if not 1 <= purpose <= _PURPOSES or kind == _UNDEFINED_RESTRICTION:
            raise _fail(DecodeReason.VALUE)
        found.append(CARestriction(purpose=purpose, kind=kind, vendors=read(cursor)))
    return tuple(found)


def _core(bits: str, *, is_fixed: bool) -> CACore:
    cursor = _Cursor(bits)
    if cursor.number(6) != _VERSION:
        raise _fail(DecodeReason.VERSION)
    read = _Cursor.fixed_range if is_fixed else _Cursor.fibonacci_range
    core = CACore(
        created=cursor.instant(),
        last_updated=cursor.instant(),
        cmp_id=cursor.number(12),
        cmp_version=cursor.number(12),
        consent_screen=cursor.number(6),
        consent_language=cursor.letters(2),
        vendor_list_version=cursor.number(12),
        policy_version=cursor.number(6),
        use_non_standard_stacks=cursor.flag(),
        special_features=cursor.flags(12),
        purposes_express=cursor.flags(_PURPOSES),
        purposes_implied=cursor.flags(_PURPOSES),
        vendors_express=_vendors(cursor, read),
        vendors_implied=_vendors(cursor, read),
        restrictions=_restrictions(
            cursor,
            _fixed_restriction_vendors if is_fixed else _fibonacci_restriction_vendors,
        ),
    )
    cursor.finish()
    return core


def _publisher(bits: str) -> CAPublisher:
    cursor = _Cursor(bits)
    cursor.number(3)
    express, implied = cursor.flags(_PURPOSES), cursor.flags(_PURPOSES)
    custom = cursor.number(6)
    publisher = CAPublisher(
        express=express,
        implied=implied,
        custom_express=cursor.flags(custom),
        custom_implied=cursor.flags(custom),
    )
    cursor.finish()
    return publisher


def _disclosed(bits: str, *, is_fixed: bool) -> Vendors:
    cursor = _Cursor(bits)
    cursor.number(3)
    read = _Cursor.fixed_range if is_fixed else _Cursor.fibonacci_range
    vendors = _vendors(cursor, read)
    cursor.finish()
    return vendors


def _text(segment: str) -> str:
    bits = read_base64url(segment, GPPStringError, NAME)
    return f"{bits.number:0{bits.size}b}"


def decode_ca_section(text: str) -> CASection:
    """Return the TCF Canada section.

    Raises:
        GPPStringError: no form of it explains every segment.
    """
    first, *others = text.split(".")
    bits = _text(first)
    try:
        core = _core(bits, is_fixed=False)
    except GPPStringError:
        core = _core(bits, is_fixed=True)
    publisher: CAPublisher | None = None
    disclosed: Vendors | None = None
    for segment in others:
        bits = _text(segment)
        match int(bits[:3], 2):
            case 1 if disclosed is None:
                try:
                    disclosed = _disclosed(bits, is_fixed=False)
                except GPPStringError:
                    disclosed = _disclosed(bits, is_fixed=True)
            case 3 if publisher is None:
                publisher = _publisher(bits)
            case 1 | 3:
                raise _fail(DecodeReason.DUPLICATE)
            case _:
                raise _fail(DecodeReason.SEGMENT_TYPE)
    return CASection(core=core, publisher=publisher, disclosed=disclosed)
