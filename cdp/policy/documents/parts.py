"""The words that every kind of document is made of: keys, periods, hours, and a part.

- A key that no struct names is refused: a typo must not read as silence.
- Types are strict, so that the YAML 1.1 traps (``NO`` is false, ``21:00`` is 1260)
  fail.
- What is said of a place is said of its family too: ``EU`` stands for ``EU-FR``, unless
  ``EU-FR`` has a word of its own (docs/decisions/0023-families-of-jurisdictions.md).
"""

from collections.abc import Mapping
from typing import Annotated, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

Key: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$", max_length=64)
]
Name: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
# A data category: the dotted names of the fideslang taxonomy, plus our own below them.
Category: TypeAlias = Annotated[
    str, Meta(pattern=r"^(user|system)(\.[a-z0-9_]+)*$", max_length=96)
]
# ISO 8601, whole calendar units: P90D, P13M, P2Y, P1Y6M.
PeriodText: TypeAlias = Annotated[
    str, Meta(pattern=r"^P(?=[0-9])([0-9]{1,3}Y)?([0-9]{1,4}M)?([0-9]{1,5}D)?$")
]
Hour: TypeAlias = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
CountryCode: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
LanguageCode: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]
SHA256: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
PositiveInt: TypeAlias = Annotated[int, Meta(ge=1)]

T = TypeVar("T")


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a document."""


class Title(Part, frozen=True, kw_only=True):
    """A name or a sentence for people, in both languages."""

    ko: str
    en: str

    def text(self, language: str) -> str:
        """Return it in a language; in English where it is not Korean."""
        return self.ko if language == "ko" else self.en


def family_of(place: str) -> str:
    """Return the family of a jurisdiction: ``EU`` of ``EU-FR``, itself when alone."""
    return place.partition("-")[0]


def in_place(said: Mapping[str, T], place: str) -> T | None:
    """Return what is said of a jurisdiction: by its own key, else by its family's."""
    own = said.get(place)
    return said.get(family_of(place)) if own is None else own
