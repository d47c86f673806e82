"""From what a standard's items say to what our scopes hear.

A scope lists what it needs of a standard. *All* listed items must grant, *any* listed
denial denies, anything missing says nothing; a scope that lists nothing is not touched.

Source: section 6 of the consent design.
"""

from collections.abc import Callable, Collection, Iterable

from cdp.consent.rules import ScopeRule
from cdp.consent.signals import Verdicts

Listed = Callable[[ScopeRule], Collection[str]]
"""What a scope lists of one standard."""


def verdicts_of(
    scopes: Iterable[ScopeRule],
    listed: Listed,
    *,
    granted: Collection[str],
    denied: Collection[str],
) -> Verdicts:
    """Return what the items that grant and those that deny come to, scope by scope."""
    grants = denies = 0
    for scope in scopes:
        needed = listed(scope)
        if not needed:
            continue
        if any(item in denied for item in needed):
            denies |= scope.bit
        elif all(item in granted for item in needed):
            grants |= scope.bit
    return Verdicts(grants=grants, denies=denies)


def scopes_of(scopes: Iterable[ScopeRule], listed: Listed) -> int:
    """Return the scopes that list anything of the standard, as a mask."""
    mask = 0
    for scope in scopes:
        if listed(scope):
            mask |= scope.bit
    return mask
