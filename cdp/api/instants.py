"""An instant on the wire: it names its zone, or it is refused.

One without a zone would be somebody's local time, and nobody here knows whose. Nothing
was ever recorded before 1970, so a question about that time is a mistake too.
"""

from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

import msgspec
from litestar.exceptions import ValidationException

Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant in a body."""

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def asked(instant: datetime | None) -> datetime | None:
    """Return an instant of a query, which the framework decodes without its zone rule.

    Raises:
        ValidationException: it has no zone, or lies before 1970.
    """
    if instant is None:
        return None
    if instant.tzinfo is None or instant < _FIRST:
        raise ValidationException("an instant names its zone and is not before 1970")
    return instant
