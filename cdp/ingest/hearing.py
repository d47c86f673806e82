"""What an event says about consent, as statements that are ready for the ledger.

- Trackers print the same consent object on every event; the second is not read again.
  A reading is remembered by the bytes it was made of and the day it was made on: what
  a string is worth may change with the day. What could not be read is read anew.
- A statement's own date goes before the event's time. The time that our tracker gives
  (``decidedAt``) is asked only how old a grant is: a denial counts from the event on,
  for the clock of that time may have been wrong.
- A time that cannot be read, or lies ahead, opens nothing.

Refuses: identifiers. Its memory is of statements alone, bounded, and of this process.

Source: section 11 of the house page on the wire; rules R4, R5, R10;
docs/decisions/0083-one-statement-each.md.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, TypeAlias

import msgspec

from cdp.consent import (
    Carrier,
    ConsentRules,
    Dated,
    Kind,
    Rank,
    Said,
    Verdicts,
    content_of,
    raw_of,
    statements_on,
)
from cdp.ingest.event import Event
from cdp.ingest.times import happened, is_ahead

# Of at most some 8 kB each; then it begins anew.
_MAX_REMEMBERED: Final = 4_096
_MAX_BYTES: Final = 4_096
_DECIDED_AT: Final = "/context/consent/decidedAt"

Code: TypeAlias = tuple[str, str]
"""A rule to count by, and the path where it applied."""
_Key: TypeAlias = tuple[str, str | None, str | None, bool, date, bytes, bytes]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement about consent of an event; ``content`` tells repeats.

    ``dated`` is what the statement itself names, ``decided_at`` what our tracker says.
    """

    carrier: Carrier
    rank: Rank
    kind: Kind = Kind.CHOICE
    verdicts: Verdicts
    content: bytes
    raw: bytes
    stamp: bool
    notice: str | None = None
    dated: Dated | None = None
    decided_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Statement({self.carrier!r})"

    def valid_at(self, occurred_at: datetime) -> datetime:
        """Return when it was decided, if its event happened at ``occurred_at``."""
        if self.decided_at is not None:
            return min(self.decided_at, occurred_at)
        dated = self.dated
        if dated is None or dated.start <= occurred_at < dated.end:
            return occurred_at
        return dated.start


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """All that an event says; ``grants`` and ``closes`` are masks over the scopes.

    ``codes`` are to be counted. ``unread`` is the first thing that could not be read:
    its code and its path.
    """

    statements: tuple[Statement, ...] = ()
    grants: int = 0
    closes: int = 0
    codes: tuple[Code, ...] = ()
    unread: Code | None = None


NOTHING: Final = Heard()


class Hearing:
    """Hears the events of one policy.

    Args:
        notices: by source name, the notice that its banner shows.
    """

    def __init__(self, rules: ConsentRules, notices: Mapping[str, str]) -> None:
        self._rules = rules
        self._notices = notices
        self._remembered: dict[_Key, Heard] = {}

    def hear(
        self,
        event: Event,
        *,
        source: str,
        place: str,
        received_at: datetime,
        gpc: str | None,
    ) -> Heard:
        """Return what an event and the ``Sec-GPC`` header of its request say."""
        consent, management = event.consent, event.consent_management
        if consent is None and management is None and gpc is None:
            return NOTHING
        is_change = event.kind == "consent"
        raw = b"" if consent is None else raw_of(consent)
        other = b"" if management is None else raw_of(management)
        notice = self._notices.get(source)
        key = (place, notice, gpc, is_change, received_at.date(), raw, other)
        heard = self._remembered.get(key)
        if heard is None:
            said = statements_on(
                consent,
                management,
                rules=self._rules,
                place=place,
                received_at=received_at,
                gpc=gpc,
                is_change=is_change,
            )
            heard = _heard(said, notice, is_stamp=not is_change)
            size = len(raw) + len(other) + len(gpc or "")
            if heard.unread is None and size <= _MAX_BYTES:
                if len(self._remembered) >= _MAX_REMEMBERED:
                    self._remembered.clear()
                self._remembered[key] = heard
        if isinstance(consent, dict) and consent.get("decidedAt") is not None:
            return _decided(heard, consent["decidedAt"], event, received_at)
        return heard


def statement_of(
    said: Said, notice: str | None = None, *, is_stamp: bool = False
) -> Statement:
    """Return a statement for the ledger.

    Args:
        notice: what was shown, where the statement itself does not say so.
    """
    if said.kind is Kind.GPC:
        notice = None  # a setting of the browser; nobody showed a text
    elif said.reading.notice is not None:
        notice = said.reading.notice
    return Statement(
        carrier=said.carrier,
        rank=said.rank,
        kind=said.kind,
        verdicts=said.reading.verdicts,
        content=content_of(said.reading.verdicts, notice),
        raw=said.raw,
        stamp=is_stamp,
        notice=notice,
        dated=said.dated,
    )


def _heard(said: tuple[Said, ...], notice: str | None, *, is_stamp: bool) -> Heard:
    statements = tuple(
        statement_of(one, notice, is_stamp=is_stamp) for one in said if one.is_kept
    )
    unread = next(
        ((one.reading.problem, one.path) for one in said if one.reading.problem), None
    )
    return _counted(
        statements,
        tuple((f"consent.{code}", one.path) for one in said for code in one.codes),
        unread,
    )


def _counted(
    statements: tuple[Statement, ...], codes: tuple[Code, ...], unread: Code | None
) -> Heard:
    grants = closes = 0
    for statement in statements:
        grants |= statement.verdicts.grants
        closes |= statement.verdicts.closes
    return Heard(
        statements=statements,
        grants=grants & ~closes,
        closes=closes,
        codes=codes,
        unread=unread,
    )


def _decided(
    heard: Heard, stated: object, event: Event, received_at: datetime
) -> Heard:
    """Date the statements of our tracker by its ``decidedAt``."""
    decided_at, flag = happened(stated, event.sent_at, received_at)
    codes, what = heard.codes, ""
    if flag != "ok":
        what = "unreadable"
    elif is_ahead(stated, event.sent_at or received_at):
        what = "future"
    if what:
        codes = (*codes, (f"consent.decided_at.{what}", _DECIDED_AT))
    changed = tuple(
        one
        if one.kind is Kind.GPC or one.dated is not None
        else _dated(one, None if what else decided_at)
        for one in heard.statements
    )
    return _counted(changed, codes, heard.unread)


def _dated(statement: Statement, decided_at: datetime | None) -> Statement:
    if decided_at is not None:
        return msgspec.structs.replace(statement, decided_at=decided_at)
    said = statement.verdicts
    verdicts = Verdicts(
        denies=said.denies, ends=said.ends, unreadable=said.unreadable | said.grants
    )
    return msgspec.structs.replace(
        statement,
        verdicts=verdicts,
        content=content_of(verdicts, statement.notice),
    )
