"""Writes TC strings from plain values, and reads them slowly: the second opinion.

Both sides work on text of zeros and ones, field by field in the order of the standard,
and share nothing with the decoder. ``read`` answers None to whatever is not a whole TC
string; what it returns, ``write`` turns into the same bits again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cdp.consent.decoders.id_sets import BitField, IdRanges, IdSet
from cdp.consent.decoders.tcf import TCString

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
DAY = 864_000  # deciseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Entry = tuple[int, ...]
"""An only id, or the first and the last of a range."""


@dataclass(frozen=True)
class Vendors:
    """A vendor section: one bit for each id up to ``max_id``, or entries."""

    max_id: int = 0
    bits: str = ""
    entries: tuple[Entry, ...] | None = None


@dataclass(frozen=True)
class Publisher:
    consents: str = "0" * 24
    interests: str = "0" * 24
    custom_consents: str = ""
    custom_interests: str = ""


@dataclass(frozen=True)
class TC:
    """The fields of a TC string; bits are text, an id's bit at its place."""

    version: int = 2
    created: int = 20_000 * DAY
    last_updated: int = 20_000 * DAY
    cmp_id: int = 31
    cmp_version: int = 1
    consent_screen: int = 1
    consent_language: tuple[int, int] = (4, 13)
    vendor_list_version: int = 40
    tcf_policy_version: int = 4
    is_service_specific: bool = True
    use_non_standard_texts: bool = False
    special_features: str = "0" * 12
    consents: str = "0" * 24
    interests: str = "0" * 24
    purpose_one_treatment: bool = False
    publisher_cc: tuple[int, int] = (10, 17)
    vendor_consents: Vendors = Vendors()
    vendor_interests: Vendors = Vendors()
    restrictions: tuple[tuple[int, int, tuple[Entry, ...]], ...] = ()
    segments: tuple[tuple[int, Vendors | Publisher], ...] = field(default=())


def bits_of(ids: Iterable[int], size: int) -> str:
    """Return ``size`` bits with those of ``ids`` set."""
    wanted = set(ids)
    return "".join("01"[place in wanted] for place in range(1, size + 1))


def listed(ids: Iterable[int]) -> Vendors:
    """Return a field of bits for ``ids``."""
    found = sorted(ids)
    top = found[-1] if found else 0
    return Vendors(top, bits_of(found, top))


def ranged(*entries: Entry) -> Vendors:
    """Return a list of ranges."""
    return Vendors(max((one[-1] for one in entries), default=0), entries=entries)


def change(tc: TC, **fields: object) -> TC:
    """Return ``tc`` with some fields changed."""
    return replace(tc, **fields)  # type: ignore[arg-type] # a test names real fields


# Writing


def number(value: int, width: int) -> str:
    assert 0 <= value < 1 << width
    return f"{value:0{width}b}"


def characters(bits: str, padding: int = 6) -> str:
    """Return base64url of ``bits``, zeros added up to a multiple of ``padding``."""
    bits += "0" * (-len(bits) % padding)
    return "".join(
        ALPHABET[int(bits[at : at + 6].ljust(6, "0"), 2)]
        for at in range(0, len(bits), 6)
    )


def bits_in(text: str) -> str:
    """Return the bits of one segment."""
    return "".join(number(ALPHABET.index(sign), 6) for sign in text)


def write(tc: TC, padding: int = 24) -> str:
    """Return the TC string; the official encoder pads to 24 bits."""
    written = [core_bits(tc)] + [
        number(kind, 3) + _segment(what) for kind, what in tc.segments
    ]
    return ".".join(characters(bits, padding) for bits in written)


def core_bits(tc: TC) -> str:
    return "".join(
        [
            number(tc.version, 6),
            number(tc.created, 36),
            number(tc.last_updated, 36),
            number(tc.cmp_id, 12),
            number(tc.cmp_version, 12),
            number(tc.consent_screen, 6),
            *(number(letter, 6) for letter in tc.consent_language),
            number(tc.vendor_list_version, 12),
            number(tc.tcf_policy_version, 6),
            "01"[tc.is_service_specific],
            "01"[tc.use_non_standard_texts],
            tc.special_features,
            tc.consents,
            tc.interests,
            "01"[tc.purpose_one_treatment],
            *(number(letter, 6) for letter in tc.publisher_cc),
            _vendors(tc.vendor_consents),
            _vendors(tc.vendor_interests),
            number(len(tc.restrictions), 12),
            *(
                number(purpose, 6) + number(kind, 2) + _entries(entries)
                for purpose, kind, entries in tc.restrictions
            ),
        ]
    )


def _vendors(vendors: Vendors) -> str:
    head = number(vendors.max_id, 16)
    if vendors.entries is None:
        return f"{head}0{vendors.bits}"
    return f"{head}1{_entries(vendors.entries)}"


def _entries(entries: tuple[Entry, ...]) -> str:
    written = [number(len(entries), 12)]
    for entry in entries:
        written.append("01"[len(entry) > 1])
        written += [number(end, 16) for end in entry]
    return "".join(written)


def _segment(what: Vendors | Publisher) -> str:
    if isinstance(what, Vendors):
        return _vendors(what)
    count = len(what.custom_consents)
    custom = what.custom_consents + what.custom_interests
    return what.consents + what.interests + number(count, 6) + custom


# Reading


class _Tape:
    def __init__(self, bits: str) -> None:
        self._bits, self._at = bits, 0

    def text(self, size: int) -> str:
        end = self._at + size
        assert end <= len(self._bits)
        found = self._bits[self._at : end]
        self._at = end
        return found

    def number(self, size: int) -> int:
        return int(self.text(size), 2)

    def flag(self) -> bool:
        return self.text(1) == "1"

    def letters(self) -> tuple[int, int]:
        found = self.number(6), self.number(6)
        assert max(found) < 26
        return found

    def entries(self, max_id: int) -> tuple[Entry, ...]:
        found: list[Entry] = []
        for _ in range(self.number(12)):
            is_range = self.flag()
            entry = tuple(self.number(16) for _ in range(1 + is_range))
            assert 0 < entry[0] <= entry[-1] <= max_id
            found.append(entry)
        return tuple(found)

    def vendors(self) -> Vendors:
        max_id = self.number(16)
        if self.flag():
            return Vendors(max_id, entries=self.entries(max_id))
        return Vendors(max_id, self.text(max_id))

    def restriction(self) -> tuple[int, int, tuple[Entry, ...]]:
        purpose, kind = self.number(6), self.number(2)
        assert purpose > 0
        assert kind < 3
        return purpose, kind, self.entries(65_535)

    def publisher(self) -> Publisher:
        consents, interests = self.text(24), self.text(24)
        count = self.number(6)
        return Publisher(consents, interests, self.text(count), self.text(count))

    def end(self) -> None:
        assert "1" not in self._bits[self._at :]


def read(text: str) -> TC | None:
    """Return what the string says; None where it is no TC string."""
    try:
        return _read(text)
    except (AssertionError, ValueError):
        return None


def _read(text: str) -> TC:
    assert len(text) <= 32 * 1024
    assert all(text.split("."))
    core, *others = (bits_in(part) for part in text.split("."))
    tape = _Tape(core)
    tc = TC(
        version=tape.number(6),
        created=tape.number(36),
        last_updated=tape.number(36),
        cmp_id=tape.number(12),
        cmp_version=tape.number(12),
        consent_screen=tape.number(6),
        consent_language=tape.letters(),
        vendor_list_version=tape.number(12),
        tcf_policy_version=tape.number(6),
        is_service_specific=tape.flag(),
        use_non_standard_texts=tape.flag(),
        special_features=tape.text(12),
        consents=tape.text(24),
        interests=tape.text(24),
        purpose_one_treatment=tape.flag(),
        publisher_cc=tape.letters(),
        vendor_consents=tape.vendors(),
        vendor_interests=tape.vendors(),
        restrictions=tuple(tape.restriction() for _ in range(tape.number(12))),
    )
    tape.end()
    assert tc.version == 2
    assert tc.cmp_id > 1
    segments: list[tuple[int, Vendors | Publisher]] = []
    for other in others:
        tape = _Tape(other)
        kind = tape.number(3)
        assert kind in (1, 2, 3)
        segments.append((kind, tape.publisher() if kind == 3 else tape.vendors()))
        tape.end()
    assert len({kind for kind, _ in segments}) == len(segments)
    return replace(tc, segments=tuple(segments))


# Comparing


def said(tc: TC) -> dict[str, object]:
    """Return what a plain value says, to be compared with ``said_by``."""
    segments = dict(tc.segments)
    publisher = segments.get(3)
    return {
        "version": tc.version,
        "created": EPOCH + timedelta(milliseconds=100 * tc.created),
        "last_updated": EPOCH + timedelta(milliseconds=100 * tc.last_updated),
        "cmp_id": tc.cmp_id,
        "cmp_version": tc.cmp_version,
        "consent_screen": tc.consent_screen,
        "consent_language": _word(tc.consent_language),
        "vendor_list_version": tc.vendor_list_version,
        "tcf_policy_version": tc.tcf_policy_version,
        "is_service_specific": tc.is_service_specific,
        "use_non_standard_texts": tc.use_non_standard_texts,
        "special_feature_opt_ins": tc.special_features,
        "purposes_consent": tc.consents,
        "purposes_li_transparency": tc.interests,
        "purpose_one_treatment": tc.purpose_one_treatment,
        "publisher_cc": _word(tc.publisher_cc),
        "vendor_consents": _plain(tc.vendor_consents),
        "vendor_legitimate_interests": _plain(tc.vendor_interests),
        "publisher_restrictions": [
            (purpose, kind, _both_ends(entries))
            for purpose, kind, entries in tc.restrictions
        ],
        "disclosed_vendors": _plain(segments.get(1)),
        "allowed_vendors": _plain(segments.get(2)),
        "publisher_tc": publisher
        and [
            getattr(publisher, name)
            for name in ("consents", "interests", "custom_consents", "custom_interests")
        ],
    }


def said_by(tc: TCString) -> dict[str, object]:
    """Return what the decoder's value says."""
    publisher = tc.publisher_tc
    return {
        "version": tc.version,
        "created": tc.created,
        "last_updated": tc.last_updated,
        "cmp_id": tc.cmp_id,
        "cmp_version": tc.cmp_version,
        "consent_screen": tc.consent_screen,
        "consent_language": tc.consent_language,
        "vendor_list_version": tc.vendor_list_version,
        "tcf_policy_version": tc.tcf_policy_version,
        "is_service_specific": tc.is_service_specific,
        "use_non_standard_texts": tc.use_non_standard_texts,
        "special_feature_opt_ins": _bits(tc.special_feature_opt_ins),
        "purposes_consent": _bits(tc.purposes_consent),
        "purposes_li_transparency": _bits(tc.purposes_li_transparency),
        "purpose_one_treatment": tc.purpose_one_treatment,
        "publisher_cc": tc.publisher_cc,
        "vendor_consents": _id_set(tc.vendor_consents),
        "vendor_legitimate_interests": _id_set(tc.vendor_legitimate_interests),
        "publisher_restrictions": [
            (one.purpose_id, int(one.restriction_type), list(one.vendors.ranges()))
            for one in tc.publisher_restrictions
        ],
        "disclosed_vendors": _id_set(tc.disclosed_vendors),
        "allowed_vendors": _id_set(tc.allowed_vendors),
        "publisher_tc": publisher
        and [
            _bits(publisher.pub_purposes_consent),
            _bits(publisher.pub_purposes_li_transparency),
            _bits(publisher.custom_purposes_consent),
            _bits(publisher.custom_purposes_li_transparency),
        ],
    }


def _word(letters: tuple[int, int]) -> str:
    return "".join(chr(65 + letter) for letter in letters)


def _both_ends(entries: tuple[Entry, ...]) -> list[tuple[int, int]]:
    return [(entry[0], entry[-1]) for entry in entries]


def _plain(what: Vendors | Publisher | None) -> object:
    if not isinstance(what, Vendors):
        return None
    if what.entries is None:
        return what.max_id, what.bits
    return what.max_id, _both_ends(what.entries)


def _bits(found: BitField) -> str:
    return bits_of(found.ids(), found.max_id)


def _id_set(found: IdSet | None) -> object:
    match found:
        case None:
            return None
        case BitField():
            return found.max_id, _bits(found)
        case IdRanges():
            return found.max_id, list(found.ranges())
