"""Global Privacy Control: the header ``Sec-GPC``, or the flag of a browser.

- Of the header only ``1`` counts, as a denial. ``0``, ``true``, an absent header and
  ``DNT`` say nothing.
- ``1, 1`` (a header sent twice, joined on its way) is still an opt-out: our reading,
  for the specification leaves it open. A list with anything else in it says nothing.
- Of the flag (``navigator.globalPrivacyControl``, sent by our tracker) only ``true``
  counts; what is neither a boolean nor a header's text is unreadable.
- What is denied is the policy's: purposes that say ``gpc: deny``, where the
  jurisdiction does not switch it off. It is an objection there, or an opt-out of sale
  and sharing (R5, R7).

Source: W3C Global Privacy Control, section 3; 11 CCR 7025(c); GDPR Art. 21(2), (5).
"""

from datetime import datetime
from typing import Final

from cdp.consent.reading import Reading, unreadable
from cdp.consent.rules import ConsentRules
from cdp.consent.signals import Verdicts

_NOT_BOOLEAN: Final = "gpc.not_boolean"


def read_gpc(
    raw: object,
    rules: ConsentRules,
    place: str,
    received_at: datetime,  # noqa: ARG001 - every reader has the same arguments
) -> Reading | None:
    """Read the value of the header, or the flag; None says nothing.

    Args:
        raw: text is read as the header, anything else as the flag.
    """
    if raw is None:
        return None
    denies = rules.gpc_mask(place)
    match raw:
        case bool():
            is_on = raw
        case str():
            is_on = all(part.strip(" \t") == "1" for part in raw.split(","))
        case _:
            return unreadable(_NOT_BOOLEAN, denies)
    if not is_on or not denies:
        return None
    return Reading(verdicts=Verdicts(denies=denies), opts_out=True)
