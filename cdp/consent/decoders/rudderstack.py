"""RudderStack's consent object: ``context.consentManagement``.

- ``deniedConsentIds`` deny, ``allowedConsentIds`` grant; an id in both denies, with a
  remark. What is in neither says nothing, so an empty denied list grants nothing.
- Both are lists of text, or absent; anything else is unreadable.
- ``resolutionStrategy: or`` is not heeded: all categories of a scope must allow.
- ``provider`` says who drew up the ids, and decides nothing here.
- An id that no scope names is read over, with a remark.

Source: RudderStack's documentation of consent management in its SDKs; the choice to
ignore ``or`` is ours.
"""

from datetime import datetime
from typing import Final

from cdp.consent.decoders.categories import UNKNOWN_CATEGORY
from cdp.consent.decoders.listed import verdicts_of
from cdp.consent.reading import Reading, unreadable
from cdp.consent.rules import ConsentRules, ScopeRule

CONTRADICTION: Final = "contradiction"


def read_rudderstack(
    raw: object,
    rules: ConsentRules,
    place: str,  # noqa: ARG001 - every reader has the same arguments
    received_at: datetime,  # noqa: ARG001 - every reader has the same arguments
) -> Reading | None:
    """Read a ``consentManagement`` object; None says nothing."""
    if raw is None:
        return None
    if not isinstance(raw, dict):
        return unreadable("rudderstack.not_object", rules.category_scopes)
    allowed = _ids(raw.get("allowedConsentIds"))
    denied = _ids(raw.get("deniedConsentIds"))
    if allowed is None or denied is None:
        return unreadable("rudderstack.not_list", rules.category_scopes)
    if not allowed and not denied:
        return None
    remarks = []
    if not allowed.isdisjoint(denied):
        remarks.append(CONTRADICTION)
    if not (allowed | denied) <= rules.categories:
        remarks.append(UNKNOWN_CATEGORY)
    return Reading(
        verdicts=verdicts_of(
            rules.scopes, _listed, granted=allowed - denied, denied=denied
        ),
        remarks=tuple(remarks),
    )


def _ids(value: object) -> frozenset[str] | None:
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        return None
    if not all(isinstance(item, str) for item in value):
        return None
    return frozenset(value)


def _listed(scope: ScopeRule) -> tuple[str, ...]:
    return scope.categories
