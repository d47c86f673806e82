"""What goes wrong with a policy, grouped by who must act.

The operator: :class:`PolicyError`. Us: :class:`UnknownVersionError`,
:class:`NoOrdinalLeftError`. Messages name files, lines and rules, never a person.
"""

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from cdp.kernel import CdpError


class Fault(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing that is wrong: where, against which rule, and why.

    ``line`` counts from 1; 0 where the fault is about the whole file or folder.
    """

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


class PolicyError(CdpError):
    """No policy that may be put in force; the service does not start."""

    code: ClassVar[str] = "policy.invalid"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))

    @property
    def rules(self) -> frozenset[str]:
        """The codes of all faults, for a caller that matches on them."""
        return frozenset(fault.rule for fault in self.faults)


class UnknownVersionError(CdpError):
    """No bundle is kept under that version, or its bytes are another's."""

    code: ClassVar[str] = "policy.unknown_version"


class NoOrdinalLeftError(CdpError):
    """63 keys of one kind were named before; a bit is never given to a second key."""

    code: ClassVar[str] = "policy.no_ordinal_left"
