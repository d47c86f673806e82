"""What should not happen in this room."""

from typing import ClassVar

from cdp.kernel import CdpError


class UnknownHandleError(CdpError):
    """A call names a handle that the store does not hold. Act: the caller."""

    code: ClassVar[str] = "identity.unknown_handle"
