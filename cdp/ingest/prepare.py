"""What can be done with an event before anybody's data are looked up.

Outside the transaction, on the request's own time: fields are extracted and coarsened
as the dataset policy says, identifiers become keyed digests, consent objects become
statements (``hearing``). What comes out holds no identifier and no field that no policy
names.

- A value shaped like a resident registration number goes, whether it stands in a field
  or in an identifier (PIPA 24-2; the detector is the policy's).
- An identifier that is blocked or malformed goes; the event stays.
- An event that the dataset's retention would have destroyed already is refused.
- Several statements on one event are all kept; for the event itself any denial counts.

Source: the life of an event, steps 1 to 3, in docs/architecture.md.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from cdp.auth import Source
from cdp.identity import Dropped, IdentityRules, normalize
from cdp.ingest.event import Event, Item, Refused
from cdp.ingest.hearing import Code, Hearing, Statement
from cdp.ingest.segment import is_uuid_shaped
from cdp.ingest.times import is_in_range
from cdp.keys import Digester
from cdp.policy import Minimizer, add_period

UNKNOWN_PLACE: Final = "unknown"

_NEEDS_IDENTIFIER: Final = frozenset({"identify", "alias", "group"})


class Digested(msgspec.Struct, frozen=True):
    """An identifier of an event; ``rank`` 0 is the strongest namespace."""

    rank: int
    ordinal: int
    namespace: str
    digest: bytes

    def __repr__(self) -> str:
        return f"Digested({self.namespace!r})"


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is ready to be decided.

    ``identifiers`` stand strongest first. ``is_rename``: the second user id among them
    is an older one of the same person, says an alias. ``closes`` are the scopes that
    the event itself closes, as a mask; ``grants`` those it grants. ``unread`` is what
    of its consent could not be read. ``quarantine`` names the rule that keeps it out of
    releases.
    """

    index: int
    message_id: str
    key: bytes
    content: bytes
    kind: str
    occurred_at: datetime
    sent_at: datetime | None
    identifiers: tuple[Digested, ...]
    is_rename: bool
    statements: tuple[Statement, ...]
    grants: int
    closes: int
    unread: Code | None
    values: Mapping[str, object]
    quarantine: str | None

    def __repr__(self) -> str:
        return f"Prepared(index={self.index}, kind={self.kind!r})"


Ready = Prepared | Refused


class PreparedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request, ready for its transaction. ``drops`` counts (rule, path)."""

    source: Source
    received_at: datetime
    items: tuple[Ready, ...]
    drops: Mapping[tuple[str, str], int]
    bytes: int


class Preparer:
    """Prepares the events of one dataset.

    Args:
        minimizer: the dataset's, compiled for the policy in force.
        hearing: reads what events say about consent.
        zones: the time zone of each jurisdiction.
        regions: by source name, where its phone numbers are from.
        groups: by source name, the dedupe group it shares with others.
        digesters: by namespace.
        messages: the digester of message ids.
    """

    def __init__(
        self,
        *,
        minimizer: Minimizer,
        identity: IdentityRules,
        hearing: Hearing,
        zones: Mapping[str, str],
        regions: Mapping[str, str],
        groups: Mapping[str, str],
        digesters: Mapping[str, Digester],
        messages: Digester,
    ) -> None:
        self._minimizer = minimizer
        self._identity = identity
        self._hearing = hearing
        self._zones = zones
        self._regions = regions
        self._groups = groups
        self._digesters = digesters
        self._messages = messages

    def prepare(
        self,
        items: Sequence[Item],
        *,
        source: Source,
        received_at: datetime,
        gpc: str | None,
        client_address: str | None,
        size: int,
    ) -> PreparedRequest:
        """Prepare the items of one request.

        Args:
            gpc: the ``Sec-GPC`` header, which speaks for every event of the request.
            client_address: finds no place in anything that is kept but what the dataset
                makes of it; gone when this returns.
            size: bytes of the body.
        """
        place = source.jurisdiction or UNKNOWN_PLACE
        drops: Counter[tuple[str, str]] = Counter()
        if source.kind == "server":
            client_address = None  # that of a server says nothing about a person
        ready = tuple(
            item
            if isinstance(item, Refused)
            else self._one(item, source, place, received_at, gpc, client_address, drops)
            for item in items
        )
        return PreparedRequest(
            source=source, received_at=received_at, items=ready, drops=drops, bytes=size
        )

    def _one(
        self,
        event: Event,
        source: Source,
        place: str,
        received_at: datetime,
        gpc: str | None,
        client_address: str | None,
        drops: Counter[tuple[str, str]],
    ) -> Ready:
        if source.kind == "public":
            # Anybody could write somebody else's address there.
            event.item["context"].pop("ip", None)
        found = self._minimizer.extract(
            event.item,
            occurred_at=event.occurred_at,
            client_address=client_address,
            zone=self._zones.get(place, "UTC"),
        )
        drops.update(found.dropped)  # the minimizer shows no key that could be a value
        if found.event == "drop":
            return _refusal(event, "policy", "the policy keeps no event of this name")
        in_range = is_in_range(event.occurred_at, received_at)
        if not in_range and self._is_over(event.occurred_at, received_at):
            return _refusal(
                event, "too_old", "the event is older than it may be kept", "/timestamp"
            )
        named, is_rename = self._named(event, found.identifiers)
        identifiers = self._digests(named, source, drops)
        if event.kind in _NEEDS_IDENTIFIER and not identifiers:
            return _refusal(
                event, "missing_identifier", "the event names nobody it could be about"
            )
        heard = self._hearing.hear(
            event, source=source.name, place=place, received_at=received_at, gpc=gpc
        )
        if heard.codes:
            drops.update(heard.codes)
        group = self._groups.get(source.name, f"source:{source.id}")
        messages = self._messages
        return Prepared(
            index=event.index,
            message_id=event.message_id,
            key=messages.digest(f"{group}\x1f{event.message_id}".encode())[:16],
            content=messages.digest(event.content)[:8],
            kind=event.kind,
            occurred_at=event.occurred_at,
            sent_at=event.sent_at,
            identifiers=identifiers,
            is_rename=is_rename,
            statements=heard.statements,
            grants=heard.grants,
            closes=heard.closes,
            unread=heard.unread,
            values=found.values,
            quarantine=None if in_range else "time_range",
        )

    def _is_over(self, occurred_at: datetime, received_at: datetime) -> bool:
        retention = self._minimizer.dataset.retention
        if retention is None or occurred_at > received_at:
            return False
        return add_period(occurred_at, retention, "UTC") <= received_at

    def _digests(
        self,
        found: Sequence[tuple[str, object]],
        source: Source,
        drops: Counter[tuple[str, str]],
    ) -> tuple[Digested, ...]:
        region = self._regions.get(source.name)
        kept: dict[bytes, Digested] = {}
        for ordinal, (namespace, value) in enumerate(found):
            if value is None:
                continue
            form = normalize(
                namespace, value, self._identity, source=source.name, region=region
            )
            if isinstance(form, Dropped):
                drops[f"identifier.{form.rule}", form.namespace] += 1
                continue
            digest = self._digesters[form.namespace].digest(form.digest_input)
            rank = self._identity.rank_of[form.namespace]
            kept.setdefault(digest, Digested(rank, ordinal, form.namespace, digest))
        if len(kept) < 2:  # noqa: PLR2004 - one identifier needs no order
            return tuple(kept.values())
        return tuple(sorted(kept.values(), key=lambda item: (item.rank, item.ordinal)))

    def _named(
        self, event: Event, found: Sequence[tuple[str, object]]
    ) -> tuple[Sequence[tuple[str, object]], bool]:
        """Return an event's identifiers, and whether an alias adds an older user id.

        ``previousId`` is a cookie when it equals the event's own anonymous id or is
        spelled as a UUID, and a user id otherwise.
        """
        if event.kind != "alias" or event.previous is None:
            return found, False
        anonymous = event.item.get("anonymousId")
        is_cookie = event.previous == anonymous or is_uuid_shaped(event.previous)
        namespace = "cookie" if is_cookie else "user_id"
        return [*found, (namespace, event.previous)], not is_cookie


def _refusal(event: Event, code: str, message: str, path: str = "") -> Refused:
    return Refused(
        index=event.index,
        message_id=event.message_id,
        code=f"ingest.{code}",
        path=path,
        message=message,
    )
