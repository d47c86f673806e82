"""The US Privacy string, section 6 of a GPP string: four characters such as ``1YNN``.

Version 1, then three letters of ``Y``, ``N`` and ``-`` (does not apply): notice was
given, opted out of sale, covered by the limited service provider agreement.

Source: IAB CCPA Compliance Framework, US Privacy String, version 1 (retired; superseded
by the US sections).
"""

import msgspec

from cdp.consent.errors import DecodeReason, GPPStringError

NAME = "uspv1"
_LENGTH = 4
_LETTERS = frozenset("YN-")


class USPrivacy(msgspec.Struct, frozen=True, kw_only=True):
    """Section 6; each letter is ``Y``, ``N`` or ``-``."""

    notice: str
    opt_out_sale: str
    lspa_covered: str

    @property
    def id(self) -> int:
        """The section's number."""
        return 6

    @property
    def name(self) -> str:
        """The section's prefix."""
        return NAME

    def to_dict(self) -> dict[str, object]:
        """Return the fields by the standard's names."""
        return {
            "Version": 1,
            "Notice": self.notice,
            "OptOutSale": self.opt_out_sale,
            "LspaCovered": self.lspa_covered,
        }


def decode_us_privacy(text: str) -> USPrivacy:
    """Return the US Privacy section.

    Raises:
        GPPStringError: it is not four characters of version 1.
    """
    if not text:
        raise GPPStringError(DecodeReason.EMPTY, NAME)
    if text[0] != "1":
        raise GPPStringError(DecodeReason.VERSION, NAME)
    if len(text) < _LENGTH:
        raise GPPStringError(DecodeReason.TRUNCATED, NAME)
    if len(text) > _LENGTH:
        raise GPPStringError(DecodeReason.TRAILING, NAME)
    if not _LETTERS.issuperset(text[1:]):
        raise GPPStringError(DecodeReason.VALUE, NAME)
    return USPrivacy(notice=text[1], opt_out_sale=text[2], lspa_covered=text[3])
