"""Where the statements of one event stand, and what they come to together.

An event may carry several: the categories of a banner, a TC string, a GPP string,
Consent Mode, the flag of a browser. Each part is a statement of its own, with its
carrier, its rank and its raw form.

- A part that cannot be read is kept as received, at most 4 KiB of it, and spoils no
  other part; the event counts as denied for what the part was about.
- Statements that contradict each other grant nothing: where one denies a scope and
  another grants it, no grant of that event counts for it, with the remark
  ``contradiction``. What was denied stays denied.
- An opt-out of the browser (GPC) is one statement, whether a header, a flag or a
  section of a GPP string says it.

Pure: nothing here knows a clock, a store or a person.

Source: section 11 of the house page on the wire; section 6 of that on consent;
docs/decisions/0083-one-statement-each.md.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from cdp.consent.decoders.categories import read_category_preferences, read_segment
from cdp.consent.decoders.consent_mode import read_consent_mode, read_ga4
from cdp.consent.decoders.gpc import read_gpc
from cdp.consent.decoders.gpp_reader import read_gpp
from cdp.consent.decoders.rudderstack import CONTRADICTION, read_rudderstack
from cdp.consent.decoders.snowplow import read_snowplow
from cdp.consent.decoders.tcf_reader import read_tcf
from cdp.consent.reading import Reading
from cdp.consent.rules import ConsentRules
from cdp.consent.signals import Carrier, Dated, Kind, Rank, Verdicts

MAX_UNREADABLE_BYTES: Final = 4 * 1024

_RANK_OF: Final[Mapping[Carrier, Rank]] = {
    Carrier.GPC: Rank.DEVICE,
    Carrier.TCF: Rank.STRING,
    Carrier.GPP: Rank.STRING,
    Carrier.SEGMENT: Rank.CATEGORY,
    Carrier.SEGMENT_CHANGE: Rank.CATEGORY,
    Carrier.RUDDERSTACK: Rank.CATEGORY,
    Carrier.SNOWPLOW: Rank.CATEGORY,
    Carrier.CONSENT_MODE: Rank.CONSENT_MODE,
    Carrier.GA4: Rank.CONSENT_MODE,
}
_CONSENT: Final = "/context/consent"
_MANAGEMENT: Final = "/context/consentManagement"
_HEADER: Final = "Sec-GPC"


class Standard(StrEnum):
    """A standard in which a statement may be handed over as it came."""

    TCF = "tcf"
    GPP = "gpp"
    CONSENT_MODE = "consent_mode"
    GA4 = "ga4"
    SEGMENT = "segment"
    RUDDERSTACK = "rudderstack"
    SNOWPLOW = "snowplow"
    GPC = "gpc"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One statement, read, with its raw form and where it stood."""

    carrier: Carrier
    rank: Rank
    kind: Kind
    reading: Reading
    raw: bytes
    path: str

    def __repr__(self) -> str:
        return f"Said({self.carrier!r}, {self.path!r})"

    @property
    def codes(self) -> tuple[str, ...]:
        """What is to be counted of it: why it could not be read, and its remarks."""
        problem = self.reading.problem
        remarks = self.reading.remarks
        return remarks if problem is None else (problem, *remarks)

    @property
    def is_kept(self) -> bool:
        """Whether it belongs into the ledger; what only earned remarks does not."""
        reading = self.reading
        return not reading.is_silent or CONTRADICTION in reading.remarks

    @property
    def dated(self) -> Dated | None:
        """The time that the statement names: a span, or an instant twice."""
        reading = self.reading
        if reading.dated is None and reading.decided_at is not None:
            return Dated(reading.decided_at, reading.decided_at)
        return reading.dated


def statements_on(
    consent: object,
    consent_management: object,
    *,
    rules: ConsentRules,
    place: str,
    received_at: datetime,
    gpc: str | None = None,
    is_change: bool = False,
) -> tuple[Said, ...]:
    """Return what one event says about consent, each statement for itself.

    Args:
        consent: its ``context.consent`` as it came; None where there is none.
        consent_management: its ``context.consentManagement``.
        gpc: the ``Sec-GPC`` header of its request.
        is_change: the event was sent because somebody changed their mind.
    """
    reader = _Reader(rules, place, received_at)
    if gpc is not None:
        reader.take(Carrier.GPC, gpc, _HEADER)
    if consent is not None:
        reader.consent(consent, is_change=is_change)
    if consent_management is not None:
        reader.take(Carrier.RUDDERSTACK, consent_management, _MANAGEMENT)
    return settle(reader.found)


def statements_of(
    standard: Standard,
    value: object,
    *,
    rules: ConsentRules,
    place: str,
    received_at: datetime,
    path: str = "",
) -> tuple[Said, ...]:
    """Return what a statement says that was handed over by itself; at least one.

    Args:
        value: for GPP the string, or ``{"gpp", "gppSid"}``.
    """
    reader = _Reader(rules, place, received_at)
    carrier, section_ids = Carrier(standard.value), None
    if standard is Standard.GPP and isinstance(value, dict):
        section_ids = value.get("gppSid")
        value = value.get("gpp")
    reader.take(carrier, value, path, section_ids=section_ids)
    if not reader.found:
        reader.add(carrier, value, path, Reading())
    return settle(reader.found)


def settle(said: Iterable[Said]) -> tuple[Said, ...]:
    """Let no grant stand where another statement of the event denies."""
    found = list(said)
    if len(found) < 2:  # noqa: PLR2004 - one statement contradicts nobody
        return tuple(found)
    found = _one_per_carrier(found)
    grants = denies = 0
    for one in found:
        grants |= one.reading.verdicts.grants & ~one.reading.verdicts.denies
        denies |= one.reading.verdicts.denies
    contested = grants & denies
    if not contested:
        return tuple(found)
    return tuple(
        _without(one, contested) if one.reading.verdicts.grants & contested else one
        for one in found
    )


class _Reader:
    """Reads the parts of one event."""

    def __init__(self, rules: ConsentRules, place: str, received_at: datetime) -> None:
        self._rules = rules
        self._place = place
        self._received_at = received_at
        self.found: list[Said] = []

    def consent(self, consent: object, *, is_change: bool) -> None:
        """Read a ``context.consent``, part by part."""
        categories = Carrier.SEGMENT_CHANGE if is_change else Carrier.SEGMENT
        if not isinstance(consent, dict):
            self.take(categories, consent, _CONSENT)
            return
        preferences = consent.get("categoryPreferences")
        if preferences is not None:
            reading = read_category_preferences(
                preferences, self._rules, self._place, self._received_at
            )
            path = f"{_CONSENT}/categoryPreferences"
            self._hear(categories, preferences, path, reading)
        for key, carrier in _PARTS:
            part = consent.get(key)
            if part is not None:
                sections = consent.get("gppSid") if carrier is Carrier.GPP else None
                self.take(carrier, part, f"{_CONSENT}/{key}", section_ids=sections)

    def take(
        self,
        carrier: Carrier,
        value: object,
        path: str,
        *,
        section_ids: object = None,
    ) -> None:
        """Read one part with the reader of its standard."""
        for reading in self._read(carrier, value, section_ids):
            self._hear(carrier, value, path, reading)

    def _read(
        self, carrier: Carrier, value: object, section_ids: object
    ) -> Iterable[Reading | None]:
        rest: Any = (self._rules, self._place, self._received_at)
        match carrier:
            case Carrier.TCF:
                return (read_tcf(value, *rest),)
            case Carrier.GPP:
                return read_gpp(
                    value, self._rules, self._place, self._received_at, section_ids
                )
            case Carrier.CONSENT_MODE:
                return (read_consent_mode(value, *rest),)
            case Carrier.GA4:
                return (read_ga4(value, *rest),)
            case Carrier.RUDDERSTACK:
                return (read_rudderstack(value, *rest),)
            case Carrier.SNOWPLOW:
                return (read_snowplow(value, *rest),)
            case Carrier.GPC:
                return (read_gpc(value, *rest),)
            case _:
                return (read_segment(value, *rest),)

    def _hear(
        self, carrier: Carrier, value: object, path: str, reading: Reading | None
    ) -> None:
        if reading is None or (reading.is_silent and not reading.remarks):
            return
        self.add(carrier, value, path, reading)

    def add(self, carrier: Carrier, value: object, path: str, reading: Reading) -> None:
        """Take a statement as it was read."""
        if reading.opts_out:
            carrier = Carrier.GPC
        elif reading.carrier is not None:
            carrier = reading.carrier
        self.found.append(
            Said(
                carrier=carrier,
                rank=_RANK_OF[carrier],
                kind=Kind.GPC if carrier is Carrier.GPC else Kind.CHOICE,
                reading=reading,
                raw=raw_of(value, is_readable=reading.problem is None),
                path=path,
            )
        )


_PARTS: Final = (
    ("tcf", Carrier.TCF),
    ("gpp", Carrier.GPP),
    ("consentMode", Carrier.CONSENT_MODE),
    ("gpc", Carrier.GPC),
)


def raw_of(value: object, *, is_readable: bool = True) -> bytes:
    """Return a statement as it came: text as it is, anything else as JSON."""
    raw = (
        value.encode("utf-8", "surrogatepass")
        if isinstance(value, str)
        else msgspec.json.encode(value)
    )
    return raw if is_readable else raw[:MAX_UNREADABLE_BYTES]


def _one_per_carrier(said: list[Said]) -> list[Said]:
    """Put the statements of one carrier together: the ledger knows one of each.

    A browser's opt-out may stand in a header, a flag and a GPP string; a TC string by
    itself and in a GPP string.
    """
    found: dict[Carrier, Said] = {}
    for one in said:
        other = found.get(one.carrier)
        found[one.carrier] = one if other is None else _together(other, one)
    return list(found.values())


def _together(first: Said, second: Said) -> Said:
    one, two = first.reading, second.reading
    denies = one.verdicts.denies | two.verdicts.denies
    closed = (one.verdicts.unreadable | two.verdicts.unreadable) & ~denies
    dates = [dated for dated in (first.dated, second.dated) if dated is not None]
    is_unread = one.problem is not None and two.problem is not None
    codes = dict.fromkeys((*first.codes, *second.codes))
    if (one.verdicts.grants | two.verdicts.grants) & denies:
        codes[CONTRADICTION] = None
    if is_unread:
        codes.pop(str(one.problem))
    return msgspec.structs.replace(
        first,
        raw=first.raw if first.raw == second.raw else first.raw + b"\n" + second.raw,
        reading=Reading(
            verdicts=Verdicts(
                grants=(one.verdicts.grants | two.verdicts.grants) & ~denies & ~closed,
                denies=denies,
                ends=one.verdicts.ends | two.verdicts.ends,
                unreadable=closed,
            ),
            problem=one.problem if is_unread else None,
            remarks=tuple(codes),
            dated=Dated(min(d.start for d in dates), max(d.end for d in dates))
            if dates
            else None,
            notice=one.notice or two.notice,
            opts_out=one.opts_out or two.opts_out,
        ),
    )


def _without(one: Said, contested: int) -> Said:
    reading = one.reading
    verdicts = reading.verdicts
    return msgspec.structs.replace(
        one,
        reading=msgspec.structs.replace(
            reading,
            verdicts=Verdicts(
                grants=verdicts.grants & ~contested,
                denies=verdicts.denies,
                ends=verdicts.ends,
                unreadable=verdicts.unreadable,
            ),
            remarks=(*reading.remarks, CONTRADICTION),
        ),
    )
