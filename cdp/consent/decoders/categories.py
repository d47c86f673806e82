"""Segment's consent object: ``context.consent.categoryPreferences``.

- Keys are case-sensitive, values are booleans; anything else is unreadable.
- A configured category that is not listed is denied, so ``{}`` denies all of them.
- No consent object, an empty one, or one without preferences says nothing.
- A scope with several categories is granted only when all of them are.
- A category that no scope names is read over, with a remark: it may be somebody else's,
  and it may be a misspelling of one of ours.

An unreadable object is kept as received; its event counts as denied for every scope
that a category speaks about.

Source: Segment's documentation of the consent object and of the event
``Segment Consent Preference Updated``.
"""

from datetime import datetime
from typing import Final

from cdp.consent.reading import Reading, unreadable
from cdp.consent.rules import ConsentRules
from cdp.consent.signals import Verdicts

CHANGE_EVENT: Final = "Segment Consent Preference Updated"
UNKNOWN_CATEGORY: Final = "category.unknown"
_NOT_OBJECT: Final = "category.not_object"
_NOT_BOOLEAN: Final = "category.not_boolean"


def read_segment(
    consent: object, rules: ConsentRules, place: str, received_at: datetime
) -> Reading | None:
    """Read a whole ``context.consent`` of Segment; None says nothing."""
    if consent is None:
        return None
    if not isinstance(consent, dict):
        return unreadable(_NOT_OBJECT, rules.category_scopes)
    preferences = consent.get("categoryPreferences")
    if preferences is None:
        return None
    return read_category_preferences(preferences, rules, place, received_at)


def read_category_preferences(
    raw: object,
    rules: ConsentRules,
    place: str,  # noqa: ARG001 - every reader has the same arguments
    received_at: datetime,  # noqa: ARG001 - every reader has the same arguments
) -> Reading:
    """Read a ``categoryPreferences`` object that was sent."""
    if not isinstance(raw, dict):
        return unreadable(_NOT_OBJECT, rules.category_scopes)
    for value in raw.values():
        # Not isinstance of int, not ==: 1 and "true" are no booleans.
        if value is not True and value is not False:
            return unreadable(_NOT_BOOLEAN, rules.category_scopes)
    denies = known = 0
    for category, scopes in rules.category_masks:
        known += category in raw
        if raw.get(category) is not True:
            denies |= scopes
    return Reading(
        verdicts=Verdicts(grants=rules.category_scopes & ~denies, denies=denies),
        remarks=() if known == len(raw) else (UNKNOWN_CATEGORY,),
    )
