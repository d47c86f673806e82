"""What can go wrong with pseudonyms: all of it is for the caller to act on."""

from typing import ClassVar

from cdp.kernel import CdpError


class PseudonymError(CdpError):
    """Something about pseudonyms."""

    code: ClassVar[str] = "pseudonym"


class UnknownShapeError(PseudonymError):
    """The column is not made of whole ids or whole pseudonyms."""

    code: ClassVar[str] = "pseudonym.shape"


class ForeignEpochError(PseudonymError):
    """A pseudonym carries the key id of another epoch."""

    code: ClassVar[str] = "pseudonym.epoch"


class UnnamedDomainError(PseudonymError):
    """A purpose or recipient cannot stand in the name of a domain."""

    code: ClassVar[str] = "pseudonym.domain"
