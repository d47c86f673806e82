"""What was taken and what was not, by source: counts for operators, never values.

What came to the desk for decisions has no source; it is counted under ``(desk)``, which
is no name that a source can have.
"""

from typing import Final

import msgspec

from cdp.auth import sources
from cdp.identity import totals
from cdp.ingest import repository
from cdp.runtime import Connection

_DESK_NAME: Final = "(desk)"


class SourceCounts(msgspec.Struct, kw_only=True):
    """The events of one source since it was added."""

    accepted: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    refused: dict[str, int] = {}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One code of one source in one hour; ``hour`` counts from 1970."""

    source: str
    hour: int
    code: str
    n: int


class Drop(msgspec.Struct, frozen=True, kw_only=True):
    """One rule at one path of one source."""

    source: str
    rule: str
    path: str
    n: int


def read_counts(connection: Connection) -> dict[str, SourceCounts]:
    """Return the counts of every source, by its name. Accepted holds quarantined."""
    names = _names(connection)
    found = {
        name: SourceCounts(refused={})
        for number, name in names.items()
        if number != repository.DESK
    }
    for line in repository.counts(connection):
        own = found.get(names.get(line.source, ""))
        if own is None:
            continue
        match line.outcome:
            case "accepted":
                own.accepted += line.n
                own.quarantined += line.n if line.code == "quarantined" else 0
            case "deduplicated":
                own.deduplicated += line.n
            case "refused":
                own.refused[line.code] = own.refused.get(line.code, 0) + line.n
            case _:
                pass
    return found


def read_totals(connection: Connection) -> dict[str, int]:
    """Return how many identifiers and profiles the store knows."""
    identifiers, profiles = totals(connection)
    return {"identifiers": identifiers, "profiles": profiles}


def read_refusals(connection: Connection) -> list[Refusal]:
    """Return what was refused, by source, hour and code, newest first."""
    names = _names(connection)
    return [
        Refusal(
            source=names.get(line.source, ""),
            hour=line.bucket,
            code=line.code,
            n=line.n,
        )
        for line in repository.refusals(connection)
    ]


def read_drops(connection: Connection) -> list[Drop]:
    """Return which fields and identifiers were dropped, by source, rule and path."""
    names = _names(connection)
    return [
        Drop(
            source=names.get(line.source, ""),
            rule=line.outcome,
            path=line.code,
            n=line.n,
        )
        for line in repository.drops(connection)
    ]


def _names(connection: Connection) -> dict[int, str]:
    names = {source.id: source.name for source in sources(connection)}
    return names | {repository.DESK: _DESK_NAME}
