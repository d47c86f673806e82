"""Where policy, consent and identity meet: the conversions, and folding again.

``policy`` is blind to ``consent`` and ``identity``, and they to it; here its documents
become their rules. ``ingest`` and ``rights`` call ``refold`` inside their own
transactions, so that the effective relation is true at every commit.

Refuses: a policy that names what the rules cannot express, before it is in force.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from cdp.audit import AuditLog
from cdp.consent import (
    GPC,
    Basis,
    ConsentRules,
    Default,
    JurisdictionRule,
    Period,
    ScopeRule,
    SilentPart,
)
from cdp.consent import refold as fold_again
from cdp.gate.errors import UnfitPolicyError
from cdp.identity import Form, IdentityRules, Namespace, members
from cdp.kernel import Handle, Seq
from cdp.policy import IdentityPolicy, Policy, Purpose
from cdp.runtime import Connection

_FORMS = {
    "user_id": Form.TEXT,
    "email": Form.EMAIL,
    "phone": Form.PHONE,
    "device": Form.DEVICE,
}
# Identity blocks these whatever a policy says: zeros, -1, one character repeated. It
# has no others, and a pattern that is written down and does nothing would be a lie.
_ALWAYS_BLOCKED = frozenset({"[0-]*", "-1", r"(.)\1{7,}"})
_SILENT_PARTS = {"default": SilentPart.KEEP, "deny": SilentPart.DENY}


class PolicyInForce(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that decides now, with what the store and the rooms make of it.

    Args:
        bits: Purpose key -> ordinal in 0..62, as the store gave it.
    """

    policy: Policy
    bits: Mapping[str, int]
    consent: ConsentRules
    identity: IdentityRules

    def __repr__(self) -> str:
        return f"PolicyInForce({self.policy.version[:12]})"


def put_together(policy: Policy, bits: Mapping[str, int]) -> PolicyInForce:
    """Compile the rules of consent and identity from a policy.

    Raises:
        UnfitPolicyError: a purpose has no ordinal, or a rule cannot be expressed.
    """
    return PolicyInForce(
        policy=policy,
        bits=dict(bits),
        consent=consent_rules(policy, bits),
        identity=identity_rules(policy.identity),
    )


def consent_rules(policy: Policy, bits: Mapping[str, int]) -> ConsentRules:
    """Return what the fold needs to know of the policy.

    Raises:
        UnfitPolicyError: a purpose has no ordinal.
    """
    missing = sorted(key for key in policy.purposes if key not in bits)
    if missing:
        raise UnfitPolicyError(f"purposes without an ordinal: {', '.join(missing)}")
    return ConsentRules(
        version=policy.version,
        scopes=tuple(
            _scope_rule(purpose, bits[purpose.key])
            for purpose in sorted(policy.purposes.values(), key=lambda p: bits[p.key])
        ),
        jurisdictions={
            key: JurisdictionRule(
                key=key,
                default=Default(jurisdiction.default),
                zone=jurisdiction.zone,
            )
            for key, jurisdiction in policy.jurisdictions.items()
        },
    )


def identity_rules(policy: IdentityPolicy) -> IdentityRules:
    """Return what identity needs to know of the policy.

    Raises:
        UnfitPolicyError: a namespace says what the rules cannot express.
    """
    versions = {namespace.rule_version for namespace in policy.namespaces}
    if len(versions) != 1:
        raise UnfitPolicyError("namespaces have normal forms of different versions")
    blocked = policy.blocked
    unheard = sorted(set(blocked.patterns) - _ALWAYS_BLOCKED)
    if unheard:
        raise UnfitPolicyError(f"identity blocks no such patterns: {unheard}")
    return IdentityRules(
        namespaces=tuple(
            Namespace(
                name=namespace.name,
                form=_FORMS[namespace.normal],
                strong=namespace.strength == "strong",
                unique=namespace.unique,
                per_profile=namespace.per_profile,
                degree_stronger=namespace.degree.stronger,
                degree_all=namespace.degree.all,
            )
            for namespace in policy.namespaces
        ),
        version=versions.pop(),
        max_handles=policy.max_handles,
        rename_class=policy.rename_class,
        blocked=_lower(blocked.values),
        reserved_domains=_lower(blocked.email_domains),
        role_addresses=_lower(blocked.role_addresses),
        blocked_by_source={
            source: _lower(values) for source, values in blocked.per_source.items()
        },
    )


def refold(
    connection: Connection,
    handles: Iterable[Handle],
    *,
    rules: ConsentRules,
    log: AuditLog,
    seq: Seq,
    now: datetime,
) -> None:
    """Fold all handles of the profiles of ``handles`` again, in this transaction.

    Call it after signals were appended or evidence changed, with every handle whose
    profile or mates changed.
    """
    profiles = members(connection, list(handles))
    everybody = [h for mates in profiles.handles_of.values() for h in mates]
    if not everybody:
        return
    ordinals = log.ordinals(connection, everybody)
    fold_again(
        connection,
        profiles.handles_of,
        rules,
        seq=seq,
        now=now,
        ordinals={handle: ordinals[handle] for handle in everybody},
    )


def _scope_rule(purpose: Purpose, ordinal: int) -> ScopeRule:
    return ScopeRule(
        ordinal=ordinal,
        purpose=purpose.key,
        basis={key: Basis(basis.type) for key, basis in purpose.basis.items()},
        max_age={key: Period.parse(text) for key, text in purpose.max_age.items()},
        categories=purpose.signals.category,
        gpc=GPC(purpose.signals.gpc),
        silent_part=_SILENT_PARTS[purpose.silent_part],
    )


def _lower(values: Iterable[str]) -> frozenset[str]:
    return frozenset(value.lower() for value in values)
