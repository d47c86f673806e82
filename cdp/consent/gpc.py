"""Global Privacy Control: the header ``Sec-GPC``.

- Only ``1`` counts, as a denial. ``0``, ``true``, an absent header and ``DNT`` say
  nothing.
- ``1, 1`` (a header sent twice, joined on its way) is still an opt-out: our reading,
  for the specification leaves it open. A list with anything else in it says nothing.
- What is denied is the policy's: purposes that say ``gpc: deny``, where the
  jurisdiction does not switch it off. It is an objection there, or an opt-out of sale
  and sharing.

Source: W3C Global Privacy Control, section 3.1; 11 CCR 7025(c); GDPR Art. 21(2), (5).
"""

from cdp.consent.rules import ConsentRules
from cdp.consent.signals import Verdicts


def decode_gpc(
    header_value: str | None, rules: ConsentRules, jurisdiction: str
) -> Verdicts | None:
    """Return the denials of a ``Sec-GPC`` header; None says nothing."""
    if header_value is None:
        return None
    if any(part.strip(" \t") != "1" for part in header_value.split(",")):
        return None
    denies = rules.gpc_mask(jurisdiction)
    return Verdicts(denies=denies) if denies else None
