"""Where the law changes what a rule says, and as whom we read the standards.

- A jurisdiction's ``gpc`` decides whether ``Sec-GPC: 1`` does anything there; which
  purposes it denies is theirs to say (R7).
- ``needs_notice``: a grant counts only under a notice that says all that PIPA 15(2)
  asks; ``separates``: the classes of PIPA 22(1) are consented to one by one.

Source: GDPR Art. 8; CCPA 1798.120, 1798.135; PIPA Art. 15, 22, 22-2; Network Act 50;
IAB TCF 2.2. Not legal advice.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, field

from cdp.policy.documents.parts import (
    Category,
    Hour,
    Key,
    Part,
    PeriodText,
    PositiveInt,
)


class Child(Part, frozen=True, kw_only=True):
    """From which age a person decides alone, in full years."""

    below: PositiveInt
    needs: Literal["guardian", "opt_in"]
    guardian_below: PositiveInt | None = None


class Night(Part, frozen=True, kw_only=True):
    """The hours in which advertising needs a consent of its own (야간 광고)."""

    start: Hour = field(name="from")
    end: Hour = field(name="to")
    channels: tuple[Key, ...]


class Reconfirm(Part, frozen=True, kw_only=True):
    """How often consent to these purposes is confirmed again (수신동의 확인)."""

    every: PeriodText
    purposes: tuple[Key, ...]


class Jurisdiction(
    Part, frozen=True, kw_only=True, tag_field="kind", tag="jurisdiction"
):
    """The law of a place, as far as a rule depends on it.

    ``no_ask`` is for how long nobody is asked again after a refusal.
    """

    key: Key
    zone: str
    default: Literal["opt_in", "opt_out"]
    child: Child
    night: Night | None = None
    reconfirm: Reconfirm | None = None
    refuse: tuple[Category, ...] = ()
    gpc: Literal["deny", "ignore"] = "deny"
    no_ask: PeriodText | None = None
    needs_notice: bool = False
    separates: bool = False


class DeletedCMP(Part, frozen=True, kw_only=True):
    """A consent platform that was struck off, and from which day (UTC)."""

    id: Annotated[int, Meta(ge=2, le=4095)]
    since: date


class TCF(Part, frozen=True, kw_only=True):
    """As whom a TC string is read: one of its vendors, or the publisher of the page."""

    role: Literal["vendor", "publisher"] = field(name="as")
    vendor_id: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    deleted_cmps: tuple[DeletedCMP, ...] = ()

    def __post_init__(self) -> None:
        if (self.role == "vendor") != (self.vendor_id is not None):
            raise ValueError("a vendor, and nobody else, names its vendor_id")


class Standards(Part, frozen=True, kw_only=True, tag_field="kind", tag="standards"):
    """How the consent standards of others are read. At most one document.

    Without ``tcf`` no TC string grants.
    """

    key: Key = "standards"
    tcf: TCF | None = None
