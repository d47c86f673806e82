"""Keyed digests: equal values match, and only with the key.

A digest of an identifier is personal data (GDPR Art. 4(5), recital 26): whoever holds
the key can test a guess against it. Without a key anybody could: all Korean mobile
numbers are a hundred million guesses, minutes of work.

- Each namespace and epoch has a key of its own, so two namespaces never match.
- The caller normalizes first: this room does not know what an e-mail is.

Source: HMAC-SHA-256, RFC 2104 / FIPS 198-1.
"""

import hmac


class Digester:
    """The digest of one namespace and epoch. It holds its key; call it often.

    ``epoch`` says which key makes the digests, so that rotation can find them.
    """

    __slots__ = ("_key", "epoch", "namespace")

    def __init__(self, namespace: str, epoch: int, key: bytes) -> None:
        self.namespace = namespace
        self.epoch = epoch
        self._key = key

    def __repr__(self) -> str:
        return f"Digester({self.namespace!r}, epoch={self.epoch})"

    def digest(self, normalized: bytes) -> bytes:
        """Return the 32-byte digest by which a value is found again."""
        # The one-shot call with the digest by name is the fastest path of OpenSSL.
        return hmac.digest(self._key, normalized, "sha256")
