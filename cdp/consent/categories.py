"""Segment's consent object: ``context.consent.categoryPreferences``.

- Keys are case-sensitive, values are booleans; anything else is unreadable.
- A configured category that is not listed is denied, so ``{}`` denies all of them.
- No consent object, an empty one, or one without preferences says nothing.
- A scope with several categories is granted only when all of them are.
- Categories that no scope names are read over: they are somebody else's.

An unreadable object is kept as received; its event counts as denied for every scope
that a category speaks about.

Source: Segment's documentation of the consent object and of the event
``Segment Consent Preference Updated``.
"""

from cdp.consent.rules import ConsentRules
from cdp.consent.signals import Unreadable, Verdicts

CHANGE_EVENT = "Segment Consent Preference Updated"
_MISSING = object()


def decode_consent(
    consent: object, rules: ConsentRules
) -> Verdicts | Unreadable | None:
    """Read a whole ``context.consent``; None says nothing."""
    if consent is None:
        return None
    if not isinstance(consent, dict):
        return _unreadable("consent_not_object", rules)
    preferences = consent.get("categoryPreferences", _MISSING)
    if preferences is _MISSING or preferences is None:
        return None
    return decode_category_preferences(preferences, rules)


def decode_category_preferences(
    raw: object, rules: ConsentRules
) -> Verdicts | Unreadable:
    """Read a ``categoryPreferences`` object that was sent."""
    if not isinstance(raw, dict):
        return _unreadable("preferences_not_object", rules)
    for value in raw.values():
        # Not isinstance of int, not ==: 1 and "true" are no booleans.
        if value is not True and value is not False:
            return _unreadable("preference_not_boolean", rules)
    denies = 0
    for category, scopes in rules.category_masks:
        if raw.get(category) is not True:
            denies |= scopes
    return Verdicts(grants=rules.category_scopes & ~denies, denies=denies)


def _unreadable(reason: str, rules: ConsentRules) -> Unreadable:
    return Unreadable(
        reason=reason, verdicts=Verdicts(unreadable=rules.category_scopes)
    )
