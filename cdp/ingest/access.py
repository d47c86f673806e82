"""Which source is this request of? All write keys of a request, and one answer.

- A key may stand in five places; all that are there must be equal.
- Empty, ``null`` and a body value that ends in ``***`` (a client's mask) are absent.
- A ``server`` key together with an ``Origin`` header is refused: a secret in a browser.
- A public key from an origin that its source does not list is refused; an empty list
  means no browser traffic.
- The map of keys is read from the store at most once a second; what decides is the
  state
  of the source inside the transaction that keeps the events.

Source: the house page on the wire, sections 3 and 6.
"""

import base64
from collections.abc import Callable, Iterable, Mapping

import msgspec

from cdp.auth import Source
from cdp.ingest.errors import (
    KeyConflictError,
    KeyUnknownError,
    OriginNotAllowedError,
)
from cdp.kernel import Clock, to_micros

_MASK = "***"
_STALE_MICROS = 1_000_000


class RequestKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request may name its write key. Values as they came."""

    authorization: str | None = None
    header: str | None = None
    query: tuple[str | None, ...] = ()
    body: tuple[object, ...] = ()

    def __repr__(self) -> str:
        return "RequestKeys(...)"


def find_key(keys: RequestKeys) -> str:
    """Return the one write key that a request names.

    Raises:
        KeyUnknownError: it names none.
        KeyConflictError: it names two different ones.
    """
    found = {key for key in _candidates(keys) if key}
    if not found:
        raise KeyUnknownError("the request names no write key")
    if len(found) > 1:
        raise KeyConflictError("the request names two different write keys")
    return found.pop()


def _candidates(keys: RequestKeys) -> Iterable[str]:
    if keys.authorization:
        scheme, _, rest = keys.authorization.strip().partition(" ")
        match scheme.lower():
            case "basic":
                yield _basic_user(rest)
            case "bearer":
                yield rest.strip()
            case _:
                pass
    if keys.header:
        yield keys.header.strip()
    for value in keys.query:
        yield (value or "").strip()
    for item in keys.body:
        if isinstance(item, str) and not item.endswith(_MASK):
            yield item.strip()


def _basic_user(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except ValueError:  # no base64, no UTF-8, or not even ASCII
        return ""


class Sources:
    """The sources by write key, as of at most a second ago.

    Args:
        read: returns digest -> source from the store.
        digest: makes the keyed digest of a write key.
        origins: by source name, what its policy document lists.
        clock: tells how old the map is.
    """

    def __init__(
        self,
        read: Callable[[], Mapping[bytes, Source]],
        digest: Callable[[str], bytes],
        origins: Mapping[str, frozenset[str]],
        clock: Clock,
    ) -> None:
        self._read = read
        self._digest = digest
        self._origins = origins
        self._clock = clock
        self._known: Mapping[bytes, Source] = {}
        self._read_at: int | None = None

    def of(self, keys: RequestKeys, origin: str | None) -> Source:
        """Return the source whose key the request carries.

        Raises:
            KeyUnknownError, KeyConflictError, OriginNotAllowedError
        """
        digest = self._digest(find_key(keys))
        self._refresh(missing=digest not in self._known)
        source = self._known.get(digest)
        if source is None or source.state == "revoked":
            raise KeyUnknownError("the write key is unknown or revoked")
        if origin is not None:
            if source.kind == "server":
                raise KeyConflictError("a server key has no place in a browser")
            if origin not in self._origins.get(source.name, frozenset()):
                raise OriginNotAllowedError("the source does not list this origin")
        return source

    def lists_origin(self, origin: str) -> bool:
        """Whether any source lists ``origin`` (a preflight carries no key)."""
        return any(origin in listed for listed in self._origins.values())

    def _refresh(self, *, missing: bool) -> None:
        now = to_micros(self._clock.now())
        age = None if self._read_at is None else now - self._read_at
        # A key that is not in the map may be a second old; a clock may also step back.
        if age is None or missing or not 0 <= age < _STALE_MICROS:
            self._known = self._read()
            self._read_at = now
