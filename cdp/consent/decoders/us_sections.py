"""The US sections of a GPP string: one table of layouts, and what reads by it.

- A core begins with six bits of version, then items of two bits: 0 does not apply, 1
  and 2 are the two answers, 3 is reserved and an error. ``MspaVersion`` is the version
  of an agreement, not of the layout: any value is one.
- A core may be followed by one subsection: the GPC bit, or the sensitive data of the
  sections that begin with the MSPA fields.
- A core is chosen by the id of its section, never by its look: the same bits occur
  under several ids.
- Padding is zeros. A core that is longer than any padding of its layout explains, and
  whose extra bits are not zeros, holds what this table does not know. Such cores are in
  use: one is decoded, and says so (``surplus``), so that its readers close what it is
  about.
- ``usnat`` of version 1 was also written in the shape of version 2. Such a core shows
  the items that version 1 has; the others count as refusals all the same.

Source: IAB Tech Lab, Global Privacy Platform: "Sections/US-National" for section 7 and
"Sections/US-States/<state>" for 8 to 27, in the state of the official encoder 3.2; the
statute of each state stands beside its row.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import msgspec

from cdp.consent.decoders.bits import Bits, padded_sizes, read_base64url
from cdp.consent.errors import DecodeReason, GPPStringError

SALE: Final = "SaleOptOut"
SHARING: Final = "SharingOptOut"
TARGETED: Final = "TargetedAdvertisingOptOut"
SENSITIVE: Final = "SensitiveDataProcessing"
CHILD: Final = "KnownChildSensitiveDataConsents"
PERSONAL: Final = "PersonalDataConsents"
ADDITIONAL: Final = "AdditionalDataProcessingConsent"

_VERSION_BITS = 6
_GPC_BITS = 3
_GPC_TYPE = 1


class Field(msgspec.Struct, frozen=True):
    """Items of two bits under one name; a field that is not shown has no name of it."""

    name: str
    count: int = 1
    is_list: bool = False
    is_shown: bool = True


class Layout(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """How one version of one section is laid out.

    Args:
        version: what the first six bits say; None where they are ``MspaVersion``.
        fields: of the core, in order.
        has_gpc: a subsection with the GPC bit may follow.
        subsection: the field of the subsection that may follow instead.
    """

    section: int
    name: str
    version: int | None
    fields: tuple[Field, ...]
    has_gpc: bool = False
    subsection: Field | None = None

    @cached_property
    def size(self) -> int:
        """How many bits the core has without its padding."""
        return _VERSION_BITS + 2 * sum(field.count for field in self.fields)

    @cached_property
    def low_bits(self) -> int:
        """The lower bit of every item of the core, as a mask."""
        return _low_bits((self.size - _VERSION_BITS) // 2)

    @cached_property
    def masks(self) -> dict[str, int]:
        """The lower bits of each field's items, as a mask over the core."""
        masks: dict[str, int] = {}
        end = self.size - _VERSION_BITS
        for field in self.fields:
            end -= 2 * field.count
            masks[field.name] = masks.get(field.name, 0) | (
                _low_bits(field.count) << end
            )
        return masks

    @cached_property
    def longer(self) -> int:
        """From how many bits on the core must be that of a longer layout.

        The widest padding ends at four characters, which are three bytes. A layout
        that does not fit there has a byte more at least, and so two characters.
        """
        return max(padded_sizes(self.size)) + 12


def _low_bits(count: int) -> int:
    return ((1 << 2 * count) - 1) // 3


def _notices(*names: str) -> tuple[Field, ...]:
    return tuple(Field(f"{name}Notice") for name in names)


def _child(count: int) -> tuple[Field, ...]:
    return (Field(CHILD, count, is_list=count > 1),) if count else ()


_MSPA = (
    Field("MspaCoveredTransaction"),
    Field("MspaOptOutOptionMode"),
    Field("MspaServiceProviderMode"),
)
_SHARING_NOTICES = _notices("Sharing", SALE, TARGETED)
_PROCESSING_NOTICES = _notices("Processing", SALE, TARGETED)
_NATIONAL_NOTICES = _notices(
    "Sharing",
    SALE,
    SHARING,
    TARGETED,
    "SensitiveDataProcessingOptOut",
    "SensitiveDataLimitUse",
)
_SALE_TARGETED = (Field(SALE), Field(TARGETED))


def _versioned(
    section: int,
    name: str,
    notices: tuple[Field, ...],
    *,
    sensitive: int,
    child: int,
    opt_outs: tuple[Field, ...] = _SALE_TARGETED,
    consent: str | None = ADDITIONAL,
    gpc: bool = True,
    version: int = 1,
) -> Layout:
    """Make a layout whose core begins with ``Version``."""
    asked = (Field(consent),) if consent else ()
    items = (Field(SENSITIVE, sensitive, is_list=True), *_child(child), *asked)
    return Layout(
        section=section,
        name=name,
        version=version,
        fields=(*notices, *opt_outs, *items, *_MSPA),
        has_gpc=gpc,
    )


def _mspa_first(section: int, name: str, *, child: int, sensitive: int) -> Layout:
    """Make a layout whose core begins with ``MspaVersion``."""
    fields = (
        Field("MspaCoveredTransaction"),
        Field("MspaMode"),
        *_PROCESSING_NOTICES,
        *_SALE_TARGETED,
        *_child(child),
        Field(ADDITIONAL),
    )
    return Layout(
        section=section,
        name=name,
        version=None,
        fields=fields,
        has_gpc=not sensitive,
        subsection=Field(SENSITIVE, sensitive, is_list=True) if sensitive else None,
    )


def _national(version: int, items: tuple[Field, ...]) -> Layout:
    opt_outs = (Field(SALE), Field(SHARING), Field(TARGETED))
    return Layout(
        section=7,
        name="usnat",
        version=version,
        fields=(*_NATIONAL_NOTICES, *opt_outs, *items, Field(PERSONAL), *_MSPA),
        has_gpc=True,
    )


_TABLE: tuple[Layout, ...] = (
    _national(1, (Field(SENSITIVE, 12, is_list=True), Field(CHILD, 2, is_list=True))),
    # Version 1 in the shape of version 2.
    _national(
        1,
        (
            Field(SENSITIVE, 12, is_list=True),
            Field(SENSITIVE, 4, is_list=True, is_shown=False),
            Field(CHILD, 2, is_list=True),
            Field(CHILD, 1, is_list=True, is_shown=False),
        ),
    ),
    _national(2, (Field(SENSITIVE, 16, is_list=True), Field(CHILD, 3, is_list=True))),
    # Cal. Civ. Code 1798.100 ff.
    _versioned(
        8,
        "usca",
        _notices(SALE, SHARING, "SensitiveDataLimitUse"),
        opt_outs=(Field(SALE), Field(SHARING)),
        sensitive=9,
        child=2,
        consent=PERSONAL,
    ),
    # Va. Code 59.1-575 ff.
    _versioned(
        9, "usva", _SHARING_NOTICES, sensitive=8, child=1, consent=None, gpc=False
    ),
    # Colo. Rev. Stat. 6-1-1301 ff.
    _versioned(10, "usco", _SHARING_NOTICES, sensitive=7, child=1, consent=None),
    # Utah Code 13-61-101 ff.
    _versioned(
        11,
        "usut",
        (*_SHARING_NOTICES, *_notices("SensitiveDataProcessingOptOut")),
        sensitive=8,
        child=1,
        consent=None,
        gpc=False,
    ),
    # Conn. Gen. Stat. 42-515 ff.
    _versioned(12, "usct", _SHARING_NOTICES, sensitive=8, child=3, consent=None),
    # Fla. Stat. 501.701 ff.
    _versioned(13, "usfl", _PROCESSING_NOTICES, sensitive=8, child=3, gpc=False),
    # Mont. Code 30-14-2801 ff.
    _versioned(14, "usmt", _SHARING_NOTICES, sensitive=8, child=3),
    # Or. Rev. Stat. 646A.570 ff.
    _versioned(15, "usor", _PROCESSING_NOTICES, sensitive=11, child=3),
    # Tex. Bus. & Com. Code 541.001 ff.
    _versioned(16, "ustx", _PROCESSING_NOTICES, sensitive=8, child=1),
    # Del. Code tit. 6, 12D-101 ff.
    _versioned(17, "usde", _PROCESSING_NOTICES, sensitive=9, child=5),
    # Iowa Code 715D.1 ff.
    _versioned(
        18,
        "usia",
        (*_PROCESSING_NOTICES, *_notices("SensitiveDataOptOut")),
        sensitive=8,
        child=1,
        consent=None,
    ),
    # Neb. Rev. Stat. 87-1101 ff.
    _versioned(19, "usne", _PROCESSING_NOTICES, sensitive=8, child=1),
    # N.H. Rev. Stat. 507-H:1 ff.
    _versioned(20, "usnh", _PROCESSING_NOTICES, sensitive=8, child=3),
    # N.J. Stat. 56:8-166.4 ff.
    _versioned(21, "usnj", _PROCESSING_NOTICES, sensitive=10, child=5),
    # Tenn. Code 47-18-3301 ff.
    _versioned(22, "ustn", _PROCESSING_NOTICES, sensitive=8, child=1),
    # Minn. Stat. 325M.10 ff.
    _versioned(23, "usmn", _PROCESSING_NOTICES, sensitive=8, child=1),
    # Md. Code, Com. Law 14-4701 ff.
    _mspa_first(24, "usmd", child=0, sensitive=0),
    # Ind. Code 24-15-1-1 ff.
    _mspa_first(25, "usin", child=1, sensitive=8),
    # Ky. Rev. Stat. 367.3611 ff.
    _mspa_first(26, "usky", child=1, sensitive=8),
    # R.I. Gen. Laws 6-48.1-1 ff.
    _mspa_first(27, "usri", child=1, sensitive=8),
)

US_LAYOUTS: dict[int, tuple[Layout, ...]] = {
    section: tuple(layout for layout in _TABLE if layout.section == section)
    for section in range(7, 28)
}


class USSection(msgspec.Struct, frozen=True, kw_only=True):
    """One US section.

    Args:
        mspa_version: the version of the agreement; None where the core does not say.
        core: the items of the core, as one number.
        gpc: None where the subsection is missing.
        sensitive: the items of the other subsection; None where it is missing.
        surplus: the bits after the core that no layout explains.
    """

    layout: Layout
    mspa_version: int | None
    core: int
    gpc: bool | None = None
    sensitive: int | None = None
    surplus: Bits | None = None

    @property
    def id(self) -> int:
        """The section's number."""
        return self.layout.section

    @property
    def name(self) -> str:
        """The section's prefix, such as ``usca``."""
        return self.layout.name

    def is_refused(self, field: str) -> bool:
        """Return whether any item of ``field`` is 1: opted out, or no consent."""
        # An item is never 3, so that its lower bit alone tells a 1.
        if self.core & self.layout.masks.get(field, 0):
            return True
        subsection = self.layout.subsection
        if self.sensitive is None or subsection is None or subsection.name != field:
            return False
        return bool(self.sensitive & _low_bits(subsection.count))

    def to_dict(self) -> dict[str, object]:
        """Return the fields by the standard's names.

        A subsection that is missing shows its defaults, as other decoders print it;
        ``gpc`` and ``sensitive`` tell the difference.
        """
        layout = self.layout
        shown: dict[str, object] = (
            {"MspaVersion": self.mspa_version}
            if layout.version is None
            else {"Version": layout.version}
        )
        shown |= _shown(layout.fields, self.core)
        if layout.has_gpc:
            shown["GpcSegmentType"] = _GPC_TYPE
            shown["Gpc"] = bool(self.gpc)
        if layout.subsection:
            shown |= _shown((layout.subsection,), self.sensitive or 0)
        return shown


def _shown(fields: tuple[Field, ...], number: int) -> Iterator[tuple[str, object]]:
    end = 2 * sum(field.count for field in fields)
    for field in fields:
        items = []
        for _ in range(field.count):
            end -= 2
            items.append(number >> end & 3)
        if field.is_shown:
            yield field.name, items if field.is_list else items[0]


def decode_us_section(section: int, text: str) -> USSection:
    """Return the US section of that id.

    Raises:
        GPPStringError: it is not laid out as the table says.
    """
    layouts = US_LAYOUTS[section]
    name = layouts[0].name
    first, *others = text.split(".")
    bits = read_base64url(first, GPPStringError, name)
    version = bits.number >> bits.size - _VERSION_BITS
    layout = _choose(layouts, version, bits)
    spare = bits.size - layout.size
    if spare < 0:
        raise GPPStringError(DecodeReason.TRUNCATED, name)
    core = bits.number >> spare & ((1 << layout.size - _VERSION_BITS) - 1)
    _check_items(core, layout.low_bits, layout.fields, name)
    unread = bits.number & ((1 << spare) - 1)
    if unread and bits.size < layout.longer:
        raise GPPStringError(DecodeReason.TRAILING, name)
    gpc, sensitive = _subsection(layout, others)
    return USSection(
        layout=layout,
        mspa_version=version if layout.version is None else None,
        core=core,
        gpc=gpc,
        sensitive=sensitive,
        surplus=Bits(unread, spare) if unread else None,
    )


def _choose(layouts: tuple[Layout, ...], version: int, bits: Bits) -> Layout:
    """Return the layout of that version that leaves only zeros, or the widest."""
    chosen = None
    for layout in layouts:
        if layout.version is not None and layout.version != version:
            continue
        spare = bits.size - layout.size
        if chosen is None or spare >= 0:
            chosen = layout
        if spare >= 0 and not bits.number & ((1 << spare) - 1):
            break
    if chosen is None:
        raise GPPStringError(DecodeReason.VERSION, layouts[0].name)
    return chosen


def _check_items(
    number: int, low_bits: int, fields: tuple[Field, ...], name: str
) -> None:
    reserved = number & number >> 1 & low_bits
    if not reserved:
        return
    end = 2 * sum(field.count for field in fields)
    for field in fields:
        end -= 2 * field.count
        if reserved >> end:
            raise GPPStringError(DecodeReason.VALUE, f"{name}.{field.name}")


def _subsection(layout: Layout, segments: list[str]) -> tuple[bool | None, int | None]:
    if not segments:
        return None, None
    name = layout.name
    field = layout.subsection
    if not layout.has_gpc and field is None:
        raise GPPStringError(DecodeReason.SEGMENT_TYPE, name)
    gpc, sensitive = None, None
    for position, segment in enumerate(segments):
        bits = read_base64url(segment, GPPStringError, name)
        if field is None:
            gpc = _gpc(bits, name)
        else:
            sensitive = _sensitive(bits, field, name)
        if position:
            raise GPPStringError(DecodeReason.DUPLICATE, name)
    return gpc, sensitive


def _gpc(bits: Bits, name: str) -> bool:
    # Six bits at least: there is no shorter character.
    spare = bits.size - _GPC_BITS
    if bits.number >> spare + 1 != _GPC_TYPE:
        raise GPPStringError(DecodeReason.SEGMENT_TYPE, name)
    if bits.number & ((1 << spare) - 1):
        raise GPPStringError(DecodeReason.TRAILING, name)
    return bool(bits.number >> spare & 1)


def _sensitive(bits: Bits, field: Field, name: str) -> int:
    spare = bits.size - 2 * field.count
    if spare < 0:
        raise GPPStringError(DecodeReason.TRUNCATED, name)
    if bits.number & ((1 << spare) - 1):
        raise GPPStringError(DecodeReason.TRAILING, name)
    number = bits.number >> spare
    _check_items(number, _low_bits(field.count), (field,), name)
    return number
