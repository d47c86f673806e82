"""What ``policy`` says to this room: scopes, jurisdictions, ages, defaults.

``ConsentRules`` is a value. ``gate`` makes it from the policy in force; the room knows
no document and no file.

- A scope is an ordinal in 0..62, one bit of every mask in this room; the store gives it
  and never gives it twice.
- A jurisdiction that is not listed is not known: nothing is granted there.
- Silence grants only where the jurisdiction's default *and* the basis of the purpose
  are opt-out, or where the basis is none of a person's choosing (contract, legal
  obligation, legitimate interest): then the ledger holds objections alone.
- Several jurisdictions: all must allow, each demand must be met, the shortest age
  counts (R19).
- A jurisdiction demands something of a grant (a notice, a guardian) only where the
  basis there is the person's choice.

Source: rules R7, R13, R16, R17, R19 of the consent design;
docs/decisions/0060-consent-fold.md, 0064-ages-notices-reminders.md.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

import msgspec

from cdp.consent.periods import Period, Term, term

UNKNOWN = "unknown"
MAX_ORDINAL = 62


class Basis(StrEnum):
    """Why a purpose may run in a jurisdiction."""

    CONSENT = "consent"
    OPT_OUT = "opt_out"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    LEGITIMATE_INTEREST = "legitimate_interest"


class Default(StrEnum):
    """What silence means in a jurisdiction."""

    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"


class GPC(StrEnum):
    """What ``Sec-GPC: 1`` does: to a purpose, and in a jurisdiction. Both must deny."""

    DENY = "deny"
    IGNORE = "ignore"


class SilentPart(StrEnum):
    """What one silent handle does to its profile."""

    KEEP = "keep"
    DENY = "deny"


class ChildNeeds(StrEnum):
    """What a person below the age of a jurisdiction needs."""

    GUARDIAN = "guardian"
    OPT_IN = "opt_in"


class ChildRule(msgspec.Struct, frozen=True, kw_only=True):
    """Below which age, in full years, a person does not decide as others do (R13).

    ``needs: opt_in``: silence never grants below ``below``; own choices count from
    ``guardian_below`` on, a guardian's below it.
    """

    below: int
    needs: ChildNeeds
    guardian_below: int | None = None


class NightRule(msgspec.Struct, frozen=True, kw_only=True):
    """When an ad needs a consent of its own (R14): minutes of the local day.

    The window begins with ``start`` and ends before ``end``; it may span midnight.
    """

    start: int
    end: int
    channels: frozenset[str]


class JurisdictionRule(msgspec.Struct, frozen=True, kw_only=True):
    """One jurisdiction; ``zone`` is an IANA name.

    Args:
        no_ask: for how long nobody is asked again after a refusal (R8).
        needs_notice: a grant without a notice that is complete says nothing (K1).
        separates: the separate consents of PIPA 22(1) cannot be bundled (K3).
    """

    key: str
    default: Default
    zone: str
    gpc: GPC = GPC.DENY
    child: ChildRule | None = None
    night: NightRule | None = None
    no_ask: Period | None = None
    needs_notice: bool = False
    separates: bool = False


class NoticeRule(msgspec.Struct, frozen=True, kw_only=True):
    """A version of what people were shown, as far as the fold needs it (R16, R17).

    Args:
        covers: by jurisdiction, the scopes that a grant under this notice opens: those
            it names with the items, recipients, countries and retention that the scope
            has today, and with all that the jurisdiction demands; as a mask.
        covers_past: the scopes for which it covers data collected under a denial (R11).
        starts_at: microseconds UTC; a grant before it was not given under this text.
        ends_at: microseconds UTC; nor one at or after it. None is open-ended.
        retention: by ordinal, for how long a grant lasts at most.
    """

    key: str
    covers: Mapping[str, int]
    covers_past: int = 0
    starts_at: int = 0
    ends_at: int | None = None
    retention: Mapping[int, Period] = {}


class TCFRole(StrEnum):
    """As whom we read a TC string."""

    VENDOR = "vendor"
    PUBLISHER = "publisher"


class TCFRule(msgspec.Struct, frozen=True, kw_only=True):
    """How TC strings are read (R9).

    Args:
        role: None when the policy does not say; then no string grants.
        vendor_id: ours in the global vendor list; for a vendor.
        deleted_cmps: CMP id -> from when its strings are invalid, microseconds UTC.
            Empty when no list is configured.
    """

    role: TCFRole | None = None
    vendor_id: int | None = None
    deleted_cmps: Mapping[int, int] = {}


class ScopeRule(msgspec.Struct, frozen=True, kw_only=True):
    """One scope as the fold sees it; mappings are by jurisdiction key.

    A scope is a purpose, or a purpose for one ``recipient`` that it names. What grants
    or denies a purpose does the same to its recipients' scopes; a notice may cover some
    recipients and not others (R17).

    Args:
        channel: how an ad is sent, such as ``push``; None where nothing is sent.
        night_of: the purpose whose ads at night this scope is asked for (R14).
        separate: which of the separate consents of PIPA 22(1) it is.
        reconfirm: how often consent is confirmed again (수신동의 확인).
        tcf: the TCF purposes that must all grant.
        gpp: the opt-out fields of the US sections that it listens to.
        consent_mode: the Consent Mode signals that must all grant.
        categories: the category ids that must all grant.
        level: from which personalisation level on it is open; None: levels say nothing.
    """

    ordinal: int
    purpose: str
    basis: Mapping[str, Basis]
    max_age: Mapping[str, Period] = {}
    categories: tuple[str, ...] = ()
    gpc: GPC = GPC.IGNORE
    silent_part: SilentPart = SilentPart.KEEP
    recipient: str | None = None
    channel: str | None = None
    night_of: str | None = None
    separate: Mapping[str, str] = {}
    reconfirm: Mapping[str, Period] = {}
    tcf: tuple[int, ...] = ()
    gpp: tuple[str, ...] = ()
    consent_mode: tuple[str, ...] = ()
    level: int | None = None
    required: bool = False

    def __post_init__(self) -> None:
        """Refuse an ordinal that has no bit in a signed 64-bit mask."""
        if not 0 <= self.ordinal <= MAX_ORDINAL:
            raise ValueError("the ordinal of a scope is in 0..62")

    @property
    def bit(self) -> int:
        """The scope's bit in every mask."""
        return 1 << self.ordinal

    @property
    def key(self) -> str:
        """The scope's name: its purpose, or ``purpose>recipient``."""
        return scope_key(self.purpose, self.recipient)


Below: TypeAlias = tuple[int, str]
"""An age in full years, and the zone in whose calendar a birthday begins."""


class Stance(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one scope's rules come to in a set of jurisdictions.

    Args:
        scope: whose stance it is; ``bit`` is the scope's.
        is_known: off where a jurisdiction, or the basis there, is missing.
        differs: silence would grant in some of them, but not in all.
        terms: how long a grant lasts at most.
        string_terms: how long a grant of a consent string lasts at most.
        retention: by notice, how long a grant under it lasts at most.
        asks: the jurisdictions whose basis is a person's choice; only these demand
            anything of a grant.
        needs_notice: one of them wants every grant to name its notice.
        notices: those that cover the scope in all of ``asks``; None where the policy
            has no notices, and a notice's name is but a label.
        guardians: the ages below which a person's own grant says nothing.
        is_plain: a grant that was given here needs nothing but itself.
        minors: the ages below which silence never grants.
        reconfirm: how often a grant is confirmed again.
        no_ask: for how long nobody is asked again.
        elsewhere: the stance of a grant that was given in another jurisdiction, by its
            key; filled as it is asked, see ``ConsentRules.given_in``.
    """

    scope: ScopeRule
    bit: int
    places: tuple[str, ...]
    is_known: bool
    silence_grants: bool
    differs: bool
    is_opt_out: bool
    terms: tuple[Term, ...]
    string_terms: tuple[Term, ...] = ()
    retention: Mapping[str, tuple[Term, ...]] = {}
    asks: tuple[str, ...] = ()
    needs_notice: bool = False
    notices: Mapping[str, NoticeRule] | None = None
    guardians: tuple[Below, ...] = ()
    is_plain: bool = True
    minors: tuple[Below, ...] = ()
    reconfirm: tuple[Term, ...] = ()
    no_ask: tuple[Term, ...] = ()
    elsewhere: dict[str, "Stance | None"]


class ConsentRules(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything the fold needs to know; ``version`` is the policy's."""

    version: str
    scopes: tuple[ScopeRule, ...] = ()
    jurisdictions: Mapping[str, JurisdictionRule] = {}
    notices: Mapping[str, NoticeRule] = {}
    tcf: TCFRule = TCFRule()

    @cached_property
    def by_ordinal(self) -> dict[int, ScopeRule]:
        """The scopes by ordinal."""
        return {scope.ordinal: scope for scope in self.scopes}

    @cached_property
    def by_key(self) -> dict[str, ScopeRule]:
        """The scopes by key; a purpose's own scope has the purpose's key."""
        return {scope.key: scope for scope in self.scopes}

    @cached_property
    def purpose_masks(self) -> dict[str, int]:
        """Each purpose with its own scope and its recipients', as a mask."""
        masks: dict[str, int] = {}
        for scope in self.scopes:
            masks[scope.purpose] = masks.get(scope.purpose, 0) | scope.bit
        return masks

    @cached_property
    def category_masks(self) -> tuple[tuple[str, int], ...]:
        """Each configured category with the scopes that need it, as a mask."""
        masks: dict[str, int] = {}
        for scope in self.scopes:
            for category in scope.categories:
                masks[category] = masks.get(category, 0) | scope.bit
        return tuple(sorted(masks.items()))

    @cached_property
    def categories(self) -> frozenset[str]:
        """Every configured category id."""
        return frozenset(category for category, _ in self.category_masks)

    @cached_property
    def category_scopes(self) -> int:
        """The scopes that any category speaks about, as a mask."""
        mask = 0
        for _, scopes in self.category_masks:
            mask |= scopes
        return mask

    @cached_property
    def unasked(self) -> int:
        """The scopes that ask nobody, in no jurisdiction, as a mask.

        Policy decides about them; the ledger holds objections, so the relation has a
        row for a handle only where something else than the default came out.
        """
        return sum(
            scope.bit
            for scope in self.scopes
            if scope.basis and not _ASKING.intersection(scope.basis.values())
        )

    @cached_property
    def _gpc_masks(self) -> dict[str, int]:
        denied = sum(scope.bit for scope in self.scopes if scope.gpc is GPC.DENY)
        return {
            rule.key: denied if rule.gpc is GPC.DENY else 0
            for rule in self.jurisdictions.values()
        } | {"": denied}

    @cached_property
    def _stances(self) -> list[dict[tuple[str, ...], Stance]]:
        return [{} for _ in range(MAX_ORDINAL + 1)]

    @cached_property
    def _lone_stances(self) -> list[dict[str, Stance]]:
        return [{} for _ in range(MAX_ORDINAL + 1)]

    @cached_property
    def _defaults(self) -> dict[tuple[str, ...], int]:
        return {}

    def gpc_mask(self, jurisdiction: str) -> int:
        """Return the scopes that GPC denies; an unlisted jurisdiction denies as any."""
        masks = self._gpc_masks
        return masks.get(jurisdiction, masks[""])

    def stance(self, scope: ScopeRule, places: tuple[str, ...]) -> Stance:
        """Return what ``scope``'s rules come to where a handle is known to be.

        Args:
            places: jurisdiction keys, sorted (see ``places_of``).
        """
        stances = self._stances[scope.ordinal]
        found = stances.get(places)
        if found is None:
            found = stances[places] = self._meet(scope, places)
        return found

    def stance_at(self, scope: ScopeRule, own: Iterable[str]) -> Stance:
        """Return the stance of a handle that is a profile by itself.

        Args:
            own: its own jurisdictions, in any order.
        """
        if isinstance(own, (list, tuple)) and len(own) == 1:
            # Nearly every handle, and the fold runs for every event that decides.
            stances = self._lone_stances[scope.ordinal]
            found = stances.get(own[0])
            if found is None:
                found = stances[own[0]] = self.stance(scope, places_of(own))
            return found
        return self.stance(scope, places_of(own))

    def given_in(self, stance: Stance, place: str) -> Stance | None:
        """Return the stance for a grant that was given in ``place``.

        What the handle's own jurisdictions demand, and what that one demands too; not
        to know where it was given adds nothing but the shorter term. None where the
        jurisdiction, or the basis there, is missing: then the grant says nothing.
        """
        if place in stance.places:
            return stance
        try:
            return stance.elsewhere[place]
        except KeyError:
            found = stance.elsewhere[place] = self._joined(stance, place)
            return found

    def default_mask(self, places: tuple[str, ...]) -> int:
        """Return the scopes that silence grants there, as a mask."""
        found = self._defaults.get(places)
        if found is None:
            found = self._defaults[places] = sum(
                scope.bit
                for scope in self.scopes
                if self.stance(scope, places).silence_grants
            )
        return found

    def covers_past(self, notice: str | None, scope: ScopeRule) -> bool:
        """Whether a grant under ``notice`` opens what a denial closed before (R11)."""
        rule = self.notices.get(notice) if notice is not None else None
        return rule is not None and bool(rule.covers_past & scope.bit)

    def covered(self, notice: str | None, places: tuple[str, ...]) -> int:
        """Return the scopes that a grant under ``notice`` opens there (R17, K1).

        Args:
            notice: its key; None is a grant that names none.
            places: jurisdiction keys, sorted (see ``places_of``).
        """
        mask = 0
        for scope in self.scopes:
            stance = self.stance(scope, places)
            if not stance.is_known:
                continue
            if not stance.asks:
                mask |= scope.bit
            elif notice is None or stance.notices is None:
                mask |= 0 if stance.needs_notice else scope.bit
            elif notice in stance.notices:
                mask |= scope.bit
        return mask

    def bundled(self, places: Iterable[str], grants: int) -> tuple[str, ...]:
        """Return the separate consents that one statement would give together (K3).

        Args:
            places: jurisdiction keys; one that does not separate allows any bundle.
            grants: the scopes that the statement grants, as a mask.

        Returns:
            The classes, sorted; empty when it is no bundle.

        Source: PIPA 22(1): its consents are asked, and taken, one by one.
        """
        found: set[str] = set()
        for place in places:
            rule = self.jurisdictions.get(place)
            if rule is None or not rule.separates:
                continue
            classes = {
                scope.separate[place]
                for scope in self.scopes
                if grants & scope.bit and place in scope.separate
            }
            if len(classes) > 1:
                found |= classes
        return tuple(sorted(found))

    def _joined(self, stance: Stance, place: str) -> Stance | None:
        scope = stance.scope
        there = self.stance(scope, (place,))
        if not there.is_known:
            return None
        if place == UNKNOWN:
            return msgspec.structs.replace(stance, terms=stance.terms + there.terms)
        return self.stance(scope, tuple(sorted({*stance.places, place})))

    def _meet(self, scope: ScopeRule, places: tuple[str, ...]) -> Stance:
        grants: list[bool] = []
        met: list[tuple[JurisdictionRule, Basis]] = []
        for place in places:
            rule, basis = self.jurisdictions.get(place), scope.basis.get(place)
            if rule is not None and basis is not None:
                met.append((rule, basis))
                grants.append(_silence_grants(rule, basis))
        known = bool(places) and len(met) == len(places)
        asking = [rule for rule, basis in met if basis in _ASKING]
        asks = tuple(rule.key for rule in asking)
        zones = sorted({rule.zone for rule, _ in met})
        notices = self._covering(scope, asks) if asks and self.notices else None
        needs_notice = any(rule.needs_notice for rule in asking)
        guardians = tuple(
            (age, rule.zone) for rule in asking if (age := _guardian_age(rule))
        )
        return Stance(
            scope=scope,
            bit=scope.bit,
            places=places,
            is_known=known,
            silence_grants=known and all(grants),
            differs=known and any(grants) and not all(grants),
            is_opt_out=any(rule.default is Default.OPT_OUT for rule, _ in met),
            terms=_terms(scope.max_age, (rule for rule, _ in met)),
            string_terms=tuple(term(_STRING_AGE, zone) for zone in zones),
            retention={
                key: tuple(
                    term(notice.retention[scope.ordinal], zone) for zone in zones
                )
                for key, notice in (notices or {}).items()
                if scope.ordinal in notice.retention
            },
            asks=asks,
            needs_notice=needs_notice,
            notices=notices,
            guardians=guardians,
            is_plain=notices is None and not needs_notice and not guardians,
            minors=tuple(
                (rule.child.below, rule.zone) for rule in asking if rule.child
            ),
            reconfirm=_terms(scope.reconfirm, asking),
            no_ask=tuple(
                term(rule.no_ask, rule.zone) for rule in asking if rule.no_ask
            ),
            elsewhere={},
        )

    def _covering(
        self, scope: ScopeRule, asks: tuple[str, ...]
    ) -> dict[str, NoticeRule]:
        return {
            key: notice
            for key, notice in self.notices.items()
            if all(notice.covers.get(place, 0) & scope.bit for place in asks)
        }


# A TC string is asked for again after 13 months, whoever brings it (TCF policies).
_STRING_AGE = Period(months=13)
_ASKING = frozenset({Basis.CONSENT, Basis.OPT_OUT})


def _terms(
    by_place: Mapping[str, Period], rules: Iterable[JurisdictionRule]
) -> tuple[Term, ...]:
    return tuple(
        term(by_place[rule.key], rule.zone) for rule in rules if rule.key in by_place
    )


def _guardian_age(rule: JurisdictionRule) -> int:
    """Return the age below which only a guardian's grant counts; 0 is none."""
    child = rule.child
    if child is None:
        return 0
    match child.needs:
        case ChildNeeds.GUARDIAN:
            return child.below
        case ChildNeeds.OPT_IN:
            return child.guardian_below or 0


def _silence_grants(rule: JurisdictionRule, basis: Basis) -> bool:
    match basis:
        case Basis.CONSENT:
            return False
        case Basis.OPT_OUT:
            return rule.default is Default.OPT_OUT
        case Basis.CONTRACT | Basis.LEGAL_OBLIGATION | Basis.LEGITIMATE_INTEREST:
            return True


def scope_key(purpose: str, recipient: str | None = None) -> str:
    """Return the name of a scope; the store gives its ordinal to this name."""
    return purpose if recipient is None else f"{purpose}>{recipient}"


def places_of(own: Iterable[str], mates: Collection[str] = ()) -> tuple[str, ...]:
    """Return the jurisdictions whose rules all count for a handle.

    Args:
        own: what is known of the handle itself. Nothing is ``unknown``, which binds
            this handle alone: not to know is no jurisdiction of the person.
        mates: what is known of the other handles of its profile.
    """
    if isinstance(own, (list, tuple)) and len(own) == 1 and not mates:
        return (own[0],)  # nearly everybody
    known = {place for place in own if place != UNKNOWN} or {UNKNOWN}
    return tuple(sorted(known | {place for place in mates if place != UNKNOWN}))
