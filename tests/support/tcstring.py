"""TC strings with chosen content, as a consent dialog would write them.

Small on purpose: a core, the disclosed vendors and the publisher's segment, no ranges.

Source: IAB Tech Lab, Transparency and Consent String v2, core and segment layouts.
"""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime

_ALL_PURPOSES = range(1, 12)


class _Writer:
    def __init__(self) -> None:
        self._bits = ""

    def number(self, value: int, bits: int) -> "_Writer":
        self._bits += f"{value:0{bits}b}"
        return self

    def ids(self, chosen: Iterable[int], size: int) -> "_Writer":
        own = set(chosen)
        self._bits += "".join("01"[n in own] for n in range(1, size + 1))
        return self

    def letters(self, text: str) -> "_Writer":
        for letter in text:
            self.number(ord(letter) - ord("A"), 6)
        return self

    def vendors(self, chosen: Iterable[int]) -> "_Writer":
        own = sorted(chosen)
        most = own[-1] if own else 0
        return self.number(most, 16).number(0, 1).ids(own, most)

    def text(self) -> str:
        bits = self._bits + "0" * (-len(self._bits) % 8)
        raw = int(bits, 2).to_bytes(len(bits) // 8)
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def core(
    *,
    created: datetime,
    updated: datetime | None = None,
    purposes: Iterable[int] = _ALL_PURPOSES,
    vendors: Iterable[int] = (),
    policy: int = 5,
) -> str:
    """Return the core segment."""
    writer = _Writer().number(2, 6)
    for instant in (created, updated or created):
        writer.number(int(instant.astimezone(UTC).timestamp() * 10), 36)
    writer.number(10, 12).number(1, 12).number(1, 6).letters("EN").number(48, 12)
    writer.number(policy, 6).number(1, 1).number(0, 1).ids((), 12)
    writer.ids(purposes, 24).ids((), 24).number(0, 1).letters("KR")
    return writer.vendors(vendors).vendors(()).number(0, 12).text()


def disclosed(vendors: Iterable[int]) -> str:
    """Return the segment of the disclosed vendors."""
    return _Writer().number(1, 3).vendors(vendors).text()


def publisher(purposes: Iterable[int] = _ALL_PURPOSES) -> str:
    """Return the publisher's own segment."""
    writer = _Writer().number(3, 3).ids(purposes, 24).ids((), 24)
    return writer.number(0, 6).text()
