"""What should not happen at the gate. A denial is a value and not among these.

Ours to fix: ``PlanError``, ``ForeignViewError``, ``UnfitPolicyError``.
"""

from typing import ClassVar

from cdp.kernel import CdpError


class GateError(CdpError):
    """The root of the gate's errors."""

    code: ClassVar[str] = "gate.error"


class PlanError(GateError):
    """A plan does not give one row for each profile of its view."""

    code: ClassVar[str] = "gate.plan"


class ForeignViewError(GateError):
    """The view was not opened by this gate, or is closed."""

    code: ClassVar[str] = "gate.view"


class UnfitPolicyError(GateError):
    """A policy cannot be turned into the rules of consent and identity."""

    code: ClassVar[str] = "gate.policy"
