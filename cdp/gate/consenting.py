"""From the documents of a policy to the rules of consent.

- A purpose becomes a scope, and so does each third party that it names: what is said of
  the purpose is said of both, and a notice may cover one and not the other (R17).
- What a document says of a family of jurisdictions (``EU``) is written out for each of
  its members.
- What a notice covers is worked out from what the purposes are today, so a notice that
  was complete once narrows by itself when a field or a recipient is added.

Pure. Source: rules R7, R8, R13, R14, R16, R17 of the consent design;
docs/decisions/0023-families-of-jurisdictions.md.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from cdp.consent import (
    GPC,
    Basis,
    ChildNeeds,
    ChildRule,
    ConsentRules,
    Default,
    JurisdictionRule,
    NightRule,
    NoticeRule,
    Period,
    ScopeRule,
    SilentPart,
    TCFRole,
    TCFRule,
)
from cdp.gate.errors import UnfitPolicyError
from cdp.kernel import to_micros
from cdp.policy import (
    Jurisdiction,
    Notice,
    Policy,
    Purpose,
    Standards,
    gaps,
    is_covered,
)

_SILENT_PARTS = {"default": SilentPart.KEEP, "deny": SilentPart.DENY}


def consent_rules(policy: Policy, bits: Mapping[str, int]) -> ConsentRules:
    """Return what the fold needs to know of the policy.

    Args:
        bits: Scope key -> ordinal in 0..62, as the store gave it.

    Raises:
        UnfitPolicyError: a scope has no ordinal.
    """
    scopes = policy.scopes
    missing = sorted(key for key in scopes if key not in bits)
    if missing:
        raise UnfitPolicyError(f"purposes without an ordinal: {', '.join(missing)}")
    return ConsentRules(
        version=policy.version,
        scopes=tuple(
            _scope_rule(policy, policy.purposes[scopes[key][0]], scopes[key][1], bit)
            for bit, key in sorted((bits[key], key) for key in scopes)
        ),
        jurisdictions={
            key: _jurisdiction_rule(place)
            for key, place in policy.jurisdictions.items()
        },
        notices={
            key: _notice_rule(policy, notice, bits)
            for key, notice in policy.notices.items()
        },
        tcf=_tcf_rule(policy.standards),
    )


def _scope_rule(
    policy: Policy, purpose: Purpose, recipient: str | None, ordinal: int
) -> ScopeRule:
    said = purpose.signals
    basis = {
        key: found
        for key in policy.jurisdictions
        if (found := purpose.basis_in(key)) is not None
    }
    return ScopeRule(
        ordinal=ordinal,
        purpose=purpose.key,
        recipient=recipient,
        basis={key: Basis(found.type) for key, found in basis.items()},
        max_age={
            key: Period.parse(text)
            for key in policy.jurisdictions
            if (text := purpose.max_age_in(key)) is not None
        },
        categories=said.category,
        tcf=said.tcf,
        gpp=said.gpp,
        consent_mode=said.consent_mode,
        gpc=GPC(said.gpc),
        silent_part=_SILENT_PARTS[purpose.silent_part],
        channel=purpose.channel,
        night_of=purpose.night_of,
        separate={
            key: found.separate_class
            for key, found in basis.items()
            if policy.jurisdictions[key].separates and found.type == "consent"
        },
        reconfirm={
            key: Period.parse(place.reconfirm.every)
            for key, place in policy.jurisdictions.items()
            if place.reconfirm is not None
            and is_covered(purpose.key, place.reconfirm.purposes)
        },
        level=purpose.level,
        required=purpose.required,
    )


def _jurisdiction_rule(place: Jurisdiction) -> JurisdictionRule:
    night = place.night
    return JurisdictionRule(
        key=place.key,
        default=Default(place.default),
        zone=place.zone,
        gpc=GPC(place.gpc),
        child=ChildRule(
            below=place.child.below,
            needs=ChildNeeds(place.child.needs),
            guardian_below=place.child.guardian_below,
        ),
        night=None
        if night is None
        else NightRule(
            start=_minutes(night.start),
            end=_minutes(night.end),
            channels=frozenset(night.channels),
        ),
        no_ask=None if place.no_ask is None else Period.parse(place.no_ask),
        needs_notice=place.needs_notice,
        separates=place.separates,
    )


def _notice_rule(policy: Policy, notice: Notice, bits: Mapping[str, int]) -> NoticeRule:
    past = 0
    retention: dict[int, Period] = {}
    for key, (purpose, _) in policy.scopes.items():
        told = notice.purposes.get(purpose)
        if told is not None and told.retention is not None:
            retention[bits[key]] = Period.parse(told.retention)
        if purpose in notice.covers_past:
            past |= 1 << bits[key]
    return NoticeRule(
        key=notice.key,
        covers={
            key: _covered(policy, notice, place, bits)
            for key, place in policy.jurisdictions.items()
        },
        covers_past=past,
        starts_at=_midnight(notice.start, notice.zone),
        ends_at=None if notice.until is None else _midnight(notice.until, notice.zone),
        retention=retention,
    )


def _covered(
    policy: Policy, notice: Notice, place: Jurisdiction, bits: Mapping[str, int]
) -> int:
    """Return the scopes that a grant under the notice opens in a place, as a mask."""
    closed: set[str] = set()
    mask = 0
    # A purpose's own scope comes first: its recipients have nothing without it.
    scopes = sorted(policy.scopes.items(), key=lambda item: item[1][1] is not None)
    for key, (purpose, recipient) in scopes:
        left_out = gaps(
            notice,
            policy.purposes[purpose],
            None if recipient is None else policy.recipients[recipient],
            place,
            recipients=policy.recipients,
            datasets=policy.datasets.values(),
        )
        if recipient is None and left_out:
            closed.add(purpose)
        if not left_out and purpose not in closed:
            mask |= 1 << bits[key]
    return mask


def _tcf_rule(standards: Standards) -> TCFRule:
    said = standards.tcf
    if said is None:
        return TCFRule()
    return TCFRule(
        role=TCFRole(said.role),
        vendor_id=said.vendor_id,
        deleted_cmps={cmp.id: _midnight(cmp.since, "UTC") for cmp in said.deleted_cmps},
    )


def _midnight(day: date, zone: str) -> int:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return to_micros(start.astimezone(UTC))


def _minutes(hour: str) -> int:
    """Return the minute of the day of ``HH:MM``."""
    hours, _, minutes = hour.partition(":")
    return int(hours) * 60 + int(minutes)
