"""One event on its way, and what is decided of it. Pure: masks in, masks and rows out.

An event is judged by what stands for its identifiers and by what it says itself, which
may only narrow (R4). A denial of any identifier on the event counts against the event,
also where the identifiers are not one profile: a browser that said no stays closed,
whoever signs in on it.

- Kept under its anchor's handle: something that names an identity may use it.
- Refused, ``ingest.consent_missing``: somebody said no. Only the decision is kept.
- Nobody's event (*stripped*), or refused, as the dataset says: everybody is silent.

Masks are over the ordinals of the scopes.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from cdp.consent import ConsentRules, Stand, narrow
from cdp.ingest.hearing import Statement
from cdp.ingest.prepare import UNKNOWN_PLACE, Prepared, PreparedRequest
from cdp.kernel import Handle, to_micros
from cdp.lake import LandedRow
from cdp.policy import Minimizer

CONSENT_MISSING: Final = "ingest.consent_missing"
ENTANGLED: Final = "ingest.entangled"
ACCEPTED: Final = "accepted"
DEDUPLICATED: Final = "deduplicated"

_SILENT: Final = Stand()

Stands = Mapping[Handle, Stand]


class Work:
    """One event while its batch is decided.

    ``handles`` stand beside the event's identifiers, None where there is none yet.
    ``heard`` are its statements that are news. ``is_familiar``: there is nothing to
    look up about its people. ``is_linked``: its ties were observed. ``outcome`` is
    empty until it is decided. ``waited``: how many rounds it has waited.
    """

    __slots__ = (
        "event",
        "handles",
        "heard",
        "is_familiar",
        "is_linked",
        "outcome",
        "request",
        "waited",
        "where",
    )

    def __init__(self, event: Prepared, request: PreparedRequest, where: int) -> None:
        self.event = event
        self.request = request
        self.where = where
        self.outcome = ""
        self.handles: list[Handle | None] = [None] * len(event.identifiers)
        self.heard: list[Statement] = []
        self.waited = 0
        self.is_familiar = False
        self.is_linked = False

    @property
    def place(self) -> str:
        """The jurisdiction whose rules count."""
        return self.request.source.jurisdiction or UNKNOWN_PLACE

    @property
    def known(self) -> list[Handle]:
        """The handles that exist, strongest first."""
        return [handle for handle in self.handles if handle is not None]

    @property
    def anchor(self) -> Handle | None:
        """The handle of the strongest identifier; the event is stored under it."""
        return self.handles[0] if self.handles else None


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """The policy's rules as far as one event needs them.

    Args:
        identity: the purposes that identifier fields of the dataset name, as a mask. An
            identifier is kept for these and for nothing else.
        linking: the scope of linking, as a mask; 0 where no purpose is called that.
        strip: keep an event without consent as nobody's; else refuse it.
    """

    rules: ConsentRules
    minimizer: Minimizer
    identity: int
    linking: int
    strip: bool

    def first_look(self, work: Work, stands: Stands) -> int:
        """Return what could be used before anything new is folded."""
        anchor = work.anchor
        granted = (
            self.rules.default_mask((work.place,))
            if anchor is None
            else stands.get(anchor, _SILENT).granted
        )
        return (granted | work.event.grants) & ~work.event.closes

    def may_link(self, work: Work, stands: Stands) -> bool:
        """Whether evidence may be made of this event, by its handles' own signals."""
        if work.event.closes & self.linking:
            return False
        own = [stands.get(handle, _SILENT) for handle in work.known]
        if any(stand.own_denied & self.linking for stand in own):
            return False
        granted = work.event.grants | own[0].own_granted
        if work.anchor not in stands:
            granted |= self.rules.default_mask((work.place,))
        return bool(granted & self.linking)

    def row(self, work: Work, stands: Stands) -> LandedRow | None:
        """Decide for good: set the outcome, return what is kept of the event."""
        event = work.event
        anchor = work.anchor
        own = [stands.get(handle, _SILENT) for handle in work.known]
        basis = (
            Stand(granted=self.rules.default_mask((work.place,)))
            if anchor is None
            else own[0]
        )
        judged = narrow(basis, [item.verdicts for item in event.statements])
        closed = judged.closed
        for stand in own:
            closed |= stand.closed
        usable = judged.usable & ~closed
        has_use = anchor is not None and bool(usable & self.identity)
        work.outcome = ACCEPTED
        if event.kind == "consent":
            return None  # the signal is what was sent, and it is in the ledger
        if has_use:
            return LandedRow(
                handle=anchor,
                closed=closed,
                occurred_at=to_micros(event.occurred_at),
                values=self.minimizer.keep(event.values, usable),
            )
        if closed & self.identity or not self.strip:
            work.outcome = CONSENT_MISSING
            return None
        return LandedRow(
            handle=None,
            closed=0,
            occurred_at=to_micros(event.occurred_at),
            values=self.minimizer.strip(event.values),
        )
