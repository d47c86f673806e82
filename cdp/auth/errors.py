"""What can go wrong with callers, grouped by who must act.

Messages never hold a secret, a token or a part of one, and never tell an unknown client
from a wrong secret.
"""

from typing import ClassVar

from cdp.kernel import CdpError


class AuthError(CdpError):
    """The caller is not let in."""

    code: ClassVar[str] = "auth"


# The caller must act.


class MissingTokenError(AuthError):
    """No bearer token came with the request."""

    code: ClassVar[str] = "auth.missing_token"


class InvalidTokenError(AuthError):
    """The token was not issued here, or was changed."""

    code: ClassVar[str] = "auth.invalid_token"


class ExpiredTokenError(AuthError):
    """The token was good until its time was over."""

    code: ClassVar[str] = "auth.expired_token"


class RevokedClientError(AuthError):
    """The token is good, but its client may no longer call."""

    code: ClassVar[str] = "auth.revoked_client"


class InvalidClientError(AuthError):
    """Unknown client, revoked client or wrong secret: nobody is told which."""

    code: ClassVar[str] = "auth.invalid_client"


class InvalidLinkError(AuthError):
    """The link was never made, was used, or its time is over: nobody is told which."""

    code: ClassVar[str] = "auth.invalid_link"


class SessionOverError(AuthError):
    """The session that a link opened is over, or never was."""

    code: ClassVar[str] = "auth.session_over"


# The operator must act.


class RegistryError(CdpError):
    """The list of sources and clients does not allow this."""

    code: ClassVar[str] = "auth.registry"


class NameTakenError(RegistryError):
    """Another source or client has this name."""

    code: ClassVar[str] = "auth.name_taken"


class UnknownNameError(RegistryError):
    """No source or client has this name."""

    code: ClassVar[str] = "auth.unknown_name"


class InvalidEntryError(RegistryError):
    """A name, kind, state, role or purpose is not in its form."""

    code: ClassVar[str] = "auth.invalid_entry"
