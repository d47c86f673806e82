"""What was decoded a moment ago: a bounded memory of a pure function of a string.

A tracker puts the same string on every event of a visit, so most strings that come were
decoded before. A digest takes a tenth of the time of a decoding.

- Found by digest: the memory holds no string.
- Bounded: two generations of ``capacity`` strings each. What is asked for moves into
  the young one; when that is full the old one is dropped whole. There is nothing to
  lock and nothing to sweep: two threads may at worst decode one string twice.
- Strings that fail, and strings longer than any that a consent dialog writes, are not
  remembered.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final, Generic, TypeVar

T = TypeVar("T")

# With the values decoded from them, some 16 MiB at the very most. The longest TC string
# seen in the field has 2,297 characters.
CAPACITY: Final = 2_048
LONGEST: Final = 4_096


class Recent(Generic[T]):
    """Calls ``decode``, which MUST depend on nothing but the string."""

    def __init__(self, decode: Callable[[str], T], *, capacity: int = CAPACITY) -> None:
        self._decode = decode
        self._capacity = capacity
        self._young: dict[bytes, T] = {}
        self._old: dict[bytes, T] = {}

    def __call__(self, text: str) -> T:
        """Return what ``decode`` returns; what it raises is raised each time."""
        if len(text) > LONGEST:
            return self._decode(text)
        # Without "replace" a lone surrogate would raise here instead of in ``decode``.
        raw = text.encode("utf-8", "surrogatepass")
        key = blake2b(raw, digest_size=16).digest()
        young = self._young
        found = young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is None:
                found = self._decode(text)
            if len(young) >= self._capacity:
                self._old, self._young = young, {}
            self._young[key] = found
        return found
