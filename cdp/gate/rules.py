"""Where policy, consent and identity meet: the conversions.

``policy`` is blind to ``consent`` and ``identity``, and they to it; here its documents
become their rules.

Refuses: a policy that names what the rules cannot express, before it is in force.
"""

from collections.abc import Iterable, Mapping

import msgspec

from cdp.consent import ConsentRules
from cdp.gate.consenting import consent_rules
from cdp.gate.errors import UnfitPolicyError
from cdp.identity import Form, IdentityRules, Namespace
from cdp.policy import IdentityPolicy, Policy

_FORMS = {
    "user_id": Form.TEXT,
    "email": Form.EMAIL,
    "phone": Form.PHONE,
    "device": Form.DEVICE,
}
# Identity blocks these whatever a policy says: zeros, -1, one character repeated. It
# has no others, and a pattern that is written down and does nothing would be a lie.
_ALWAYS_BLOCKED = frozenset({"[0-]*", "-1", r"(.)\1{7,}"})


class PolicyInForce(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that decides now, with what the store and the rooms make of it.

    Args:
        bits: Scope key -> ordinal in 0..62, as the store gave it. A purpose's own scope
            has its key, that of a third party is ``purpose>recipient``.
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


def _lower(values: Iterable[str]) -> frozenset[str]:
    return frozenset(value.lower() for value in values)
