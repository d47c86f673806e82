"""What ``policy`` says to this room: scopes, jurisdictions, ages, defaults.

``ConsentRules`` is a value. ``gate`` makes it from the policy in force; the room knows
no document and no file.

- A scope is an ordinal in 0..62, one bit of every mask in this room; the store gives it
  and never gives it twice.
- A jurisdiction that is not listed is not known: nothing is granted there.
- Silence grants only where the jurisdiction's default *and* the basis of the purpose
  are opt-out, or where the basis is none of a person's choosing (contract, legal
  obligation, legitimate interest): then the ledger holds objections alone.
- Several jurisdictions: all must allow, the shortest age counts (R19).

Source: rules R7, R13, R16, R19 of the consent design;
docs/decisions/0060-consent-fold.md.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property

import msgspec

from cdp.consent.periods import Period

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


class JurisdictionRule(msgspec.Struct, frozen=True, kw_only=True):
    """One jurisdiction; ``zone`` is an IANA name."""

    key: str
    default: Default
    zone: str
    gpc: GPC = GPC.DENY


class ScopeRule(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose as the fold sees it; mappings are by jurisdiction key."""

    ordinal: int
    purpose: str
    basis: Mapping[str, Basis]
    max_age: Mapping[str, Period] = {}
    categories: tuple[str, ...] = ()
    gpc: GPC = GPC.IGNORE
    silent_part: SilentPart = SilentPart.KEEP

    def __post_init__(self) -> None:
        """Refuse an ordinal that has no bit in a signed 64-bit mask."""
        if not 0 <= self.ordinal <= MAX_ORDINAL:
            raise ValueError("the ordinal of a scope is in 0..62")

    @property
    def bit(self) -> int:
        """The scope's bit in every mask."""
        return 1 << self.ordinal


class Stance(msgspec.Struct, frozen=True, kw_only=True):
    """What one scope's rules come to in a set of jurisdictions.

    ``is_known`` is off where a jurisdiction, or the basis there, is missing.
    ``differs`` says that silence would grant in some of them, but not in all.
    """

    places: tuple[str, ...]
    is_known: bool
    silence_grants: bool
    differs: bool
    is_opt_out: bool
    terms: tuple[tuple[Period, str], ...]


class ConsentRules(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything the fold needs to know; ``version`` is the policy's."""

    version: str
    scopes: tuple[ScopeRule, ...] = ()
    jurisdictions: Mapping[str, JurisdictionRule] = {}

    @cached_property
    def by_ordinal(self) -> dict[int, ScopeRule]:
        """The scopes by ordinal."""
        return {scope.ordinal: scope for scope in self.scopes}

    @cached_property
    def by_purpose(self) -> dict[str, ScopeRule]:
        """The scopes by purpose key."""
        return {scope.purpose: scope for scope in self.scopes}

    @cached_property
    def category_masks(self) -> tuple[tuple[str, int], ...]:
        """Each configured category with the scopes that need it, as a mask."""
        masks: dict[str, int] = {}
        for scope in self.scopes:
            for category in scope.categories:
                masks[category] = masks.get(category, 0) | scope.bit
        return tuple(sorted(masks.items()))

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

    def _meet(self, scope: ScopeRule, places: tuple[str, ...]) -> Stance:
        grants: list[bool] = []
        terms: list[tuple[Period, str]] = []
        known = bool(places)
        opt_out = False
        for place in places:
            rule, basis = self.jurisdictions.get(place), scope.basis.get(place)
            if rule is None or basis is None:
                known = False
                continue
            grants.append(_silence_grants(rule, basis))
            opt_out = opt_out or rule.default is Default.OPT_OUT
            age = scope.max_age.get(place)
            if age is not None:
                terms.append((age, rule.zone))
        return Stance(
            places=places,
            is_known=known,
            silence_grants=known and all(grants),
            differs=known and any(grants) and not all(grants),
            is_opt_out=opt_out,
            terms=tuple(terms),
        )


_ASKING = frozenset({Basis.CONSENT, Basis.OPT_OUT})


def _silence_grants(rule: JurisdictionRule, basis: Basis) -> bool:
    match basis:
        case Basis.CONSENT:
            return False
        case Basis.OPT_OUT:
            return rule.default is Default.OPT_OUT
        case Basis.CONTRACT | Basis.LEGAL_OBLIGATION | Basis.LEGITIMATE_INTEREST:
            return True


def places_of(own: Iterable[str], mates: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the jurisdictions whose rules all count for a handle.

    Args:
        own: what is known of the handle itself. Nothing is ``unknown``, which binds
            this handle alone: not to know is no jurisdiction of the person.
        mates: what is known of the other handles of its profile.
    """
    known = {place for place in own if place != UNKNOWN} or {UNKNOWN}
    return tuple(sorted(known | {place for place in mates if place != UNKNOWN}))
