"""What can stop the demo, grouped by who must act."""

from typing import ClassVar

from cdp.kernel import CdpError


class CommandError(CdpError):
    """Us: one of the project's own commands failed."""

    code: ClassVar[str] = "demo.command"


class SendingError(CdpError):
    """Us: a sender could not deliver, or does not know whether it did."""

    code: ClassVar[str] = "demo.sending"


class ServiceError(CdpError):
    """Us: the service did not come up, or its answer has another shape."""

    code: ClassVar[str] = "demo.service"
