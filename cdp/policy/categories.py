"""Data categories: dotted names, from broad to narrow.

A pattern covers itself and what lies below it *on a dot*: ``user.device.cookie`` covers
``user.device.cookie.session``, never ``user.device.cookie_id``. A plain prefix test
takes both, and would deny too much or, turned round, allow it.
"""

from collections.abc import Iterable


def covers(pattern: str, category: str) -> bool:
    """Whether ``pattern`` names ``category`` or something above it."""
    return category == pattern or category.startswith(f"{pattern}.")


def is_covered(category: str, patterns: Iterable[str]) -> bool:
    """Whether any of ``patterns`` covers ``category``."""
    return any(covers(pattern, category) for pattern in patterns)
