"""What can go wrong between a job and the service, grouped by who must act.

Messages hold codes, counts and column names, never a value of a row.
"""

from typing import ClassVar

from cdp.kernel import CdpError


class ContentError(CdpError):
    """The job: this table has no canonical content, so no hash of it means anything."""

    code: ClassVar[str] = "client.content"


class HashMismatchError(CdpError):
    """The operator: the rows that arrived are not the rows that the grant names."""

    code: ClassVar[str] = "client.hash_mismatch"


class UnreadableAnswerError(CdpError):
    """The operator: what answered does not speak this protocol."""

    code: ClassVar[str] = "client.unreadable_answer"


class UnreachableError(CdpError):
    """The operator: nothing answered, or not in time."""

    code: ClassVar[str] = "client.unreachable"


class RefusedError(CdpError):
    """The caller: the service said no, and why.

    ``status`` is the HTTP status and ``reason`` the service's own stable code, such as
    ``gate.role``: act on the code, not on the message.
    """

    code: ClassVar[str] = "client.refused"

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
