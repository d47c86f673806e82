"""What consent is asked for: each purpose, and each purpose for a third party.

A purpose is one scope; so is each third party that its consent names, because a consent
covers only the recipients it named (PIPA 17(2)). Our own offices and processors act for
us under the purpose itself.
"""

from collections.abc import Mapping

from cdp.policy.documents import Purpose, Recipient


def scope_key(purpose: str, recipient: str | None = None) -> str:
    """Return the key of a scope, to which the store gives an ordinal."""
    return purpose if recipient is None else f"{purpose}>{recipient}"


def scopes_of(
    purposes: Mapping[str, Purpose], recipients: Mapping[str, Recipient]
) -> dict[str, tuple[str, str | None]]:
    """Return purpose and recipient of every scope, by key."""
    scopes: dict[str, tuple[str, str | None]] = {}
    for key, purpose in purposes.items():
        scopes[key] = (key, None)
        for recipient in third_parties(purpose, recipients):
            scopes[scope_key(key, recipient.key)] = (key, recipient.key)
    return scopes


def third_parties(
    purpose: Purpose, recipients: Mapping[str, Recipient]
) -> list[Recipient]:
    """Return the third parties that a purpose's consent names."""
    named = (recipients.get(key) for key in sorted(set(purpose.scope.recipients)))
    return [one for one in named if one is not None and one.relation == "third_party"]
