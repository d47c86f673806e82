"""What a TC string says about our scopes (R9).

A TCF purpose is granted when its bit is set, for us: the bit of our vendor id as well
(``tcf.as: vendor``), or that of the publisher segment instead (``tcf.as: publisher``).
A bit that is clear denies, be it the purpose's or the vendor's, whatever else holds:
to withdraw from one vendor is to withdraw. Set bits grant only where all of this holds:

1. The policy says as whom we read. Else nothing is granted.
2. The string is of this service alone (``IsServiceSpecific``).
3. It follows policy version 4 or later, or was created by 2023-09-30.
4. For a vendor, from policy version 5 or created from 2026-02-28: our id is among the
   disclosed vendors. Without that segment no vendor has a permission.
5. For a vendor, the publisher does not restrict the purpose: type 0 closes it, type 1
   leaves consent, type 2 leaves legitimate interest.
6. It is not from the future, nor of a CMP that was deleted. Such a string is a problem,
   not a remark, for nothing of it may be relied on; what it denies still counts.

Where one of 1 to 5 fails and no bit is clear, the string says nothing and leaves a
remark. Without a publisher segment it says nothing to a publisher.

Legitimate interest is read for a scope whose basis in that place it is, beside consent:
never for purpose 1, never for 3 to 6 from policy version 4. ``PurposeOneTreatment``
says that purpose 1 was not asked about: nothing is said about it.

Refuses: raising. A string that does not decode closes the scopes it was about.

Source: IAB Europe TCF Policies, v2.2 and v2.3; section 6.1 of the consent design.
"""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from cdp.consent.decoders.recent import Recent
from cdp.consent.decoders.tcf import (
    PURPOSES,
    RestrictionType,
    TCString,
    decode_tc_string,
)
from cdp.consent.errors import TCStringError
from cdp.consent.reading import Reading, unreadable
from cdp.consent.rules import Basis, ConsentRules, TCFRole, TCFRule
from cdp.consent.signals import Dated, Verdicts

# Sets of TCF purposes are masks in the order of the wire, purpose 1 the highest bit. A
# number that is no TCF purpose has a bit above them, which no string sets or clears.
_EVERY: Final = (1 << PURPOSES) - 1
_NO_PURPOSE: Final = 1 << PURPOSES
_DAY: Final = timedelta(days=1)
# A string with a time of day may be so far ahead: two clocks are never quite one.
_LEEWAY: Final = timedelta(minutes=5)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_POLICY_OF_2_2: Final = 4
_POLICY_OF_2_3: Final = 5
_OLD_POLICIES_END: Final = datetime(2023, 10, 1, tzinfo=UTC)
# As IAB Europe announced TCF v2.3; to confirm.
_DISCLOSURE_BEGINS: Final = datetime(2026, 2, 28, tzinfo=UTC)

_recently_decoded: Final = Recent(decode_tc_string)


def _bit(purpose: int) -> int:
    return 1 << PURPOSES - purpose if 0 < purpose <= PURPOSES else _NO_PURPOSE


@lru_cache(maxsize=256)
def _mask(purposes: tuple[int, ...]) -> int:
    mask = 0
    for purpose in purposes:
        mask |= _bit(purpose)
    return mask


_FIRST: Final = _bit(1)
_NEVER_INTERESTS: Final = _FIRST
_NEVER_INTERESTS_SINCE_2_2: Final = _mask((1, 3, 4, 5, 6))


class _Bits(NamedTuple):
    """Sets of TCF purposes: what is set for us, and what may be used of it.

    ``open_`` leaves out what the publisher restricts for us, and the purposes for which
    no legitimate interest is possible.
    """

    consents: int
    interests: int
    open_consents: int
    open_interests: int

    def weigh(self, *, reads_interests: bool) -> tuple[int, int]:
        """Return the purposes that are granted and those that are denied.

        A basis that the publisher closed neither grants nor denies, unless both are
        closed: then a purpose is denied when none of its bits is set.
        """
        interests = self.interests if reads_interests else 0
        open_interests = self.open_interests if reads_interests else 0
        grants = self.consents & self.open_consents | interests & open_interests
        is_open = self.open_consents | open_interests
        is_clear = _EVERY & ~(self.consents | interests)
        return grants, is_open & ~grants | is_clear & ~is_open


def read_tcf(
    raw: object, rules: ConsentRules, place: str, received_at: datetime
) -> Reading | None:
    """Read a TC string; None says nothing.

    Args:
        place: the jurisdiction; it says which scopes rest on legitimate interest.
    """
    if raw is None:
        return None
    if not isinstance(raw, str):
        return unreadable("tcf.not_text", _about(rules))
    try:
        tc = _recently_decoded(raw)
    except TCStringError as failure:
        return unreadable(f"tcf.{failure.reason}", _about(rules))
    bits = _bits_for_us(tc, rules.tcf)
    if bits is None:
        return Reading(remarks=("tcf.no_publisher_segment",))
    remarks = _remarks(tc, rules.tcf)
    verdicts, restricted = _verdicts(tc, bits, rules, place, grants=not remarks)
    if restricted:
        remarks.append("tcf.restricted")
    if tc.purpose_one_treatment:
        remarks.append("tcf.purpose_one")
    vendor_id = _our_vendor_id(rules.tcf)
    if vendor_id is not None and _is_unknown(tc, vendor_id):
        remarks.append("tcf.vendor_unknown")
    problem = _problem(tc, rules.tcf, received_at)
    if problem is not None:
        denies = verdicts.denies
        closed = Verdicts(denies=denies, unreadable=_about(rules) & ~denies)
        return Reading(verdicts=closed, problem=problem, remarks=tuple(remarks))
    is_day = _is_day(tc.last_updated)
    return Reading(
        verdicts=verdicts,
        remarks=tuple(remarks),
        dated=Dated(tc.last_updated, tc.last_updated + _DAY) if is_day else None,
        decided_at=None if is_day else tc.last_updated,
    )


def _about(rules: ConsentRules) -> int:
    return sum(scope.bit for scope in rules.scopes if scope.tcf)


def _our_vendor_id(rule: TCFRule) -> int | None:
    return rule.vendor_id if rule.role is TCFRole.VENDOR else None


def _bits_for_us(tc: TCString, rule: TCFRule) -> _Bits | None:
    """Return the bits that are about us; None where the string has none."""
    consents, interests = tc.purposes_consent.mask, tc.purposes_li_transparency.mask
    closed = dict.fromkeys(RestrictionType, 0)
    if rule.role is TCFRole.PUBLISHER:
        if tc.publisher_tc is None:
            return None
        consents = tc.publisher_tc.pub_purposes_consent.mask
        interests = tc.publisher_tc.pub_purposes_li_transparency.mask
    vendor_id = _our_vendor_id(rule)
    if vendor_id is not None:
        if vendor_id not in tc.vendor_consents:
            consents = 0
        if vendor_id not in tc.vendor_legitimate_interests:
            interests = 0
        for one in tc.publisher_restrictions:
            if vendor_id in one.vendors:
                closed[one.restriction_type] |= _bit(one.purpose_id)
    is_since_2_2 = tc.tcf_policy_version >= _POLICY_OF_2_2
    never = _NEVER_INTERESTS_SINCE_2_2 if is_since_2_2 else _NEVER_INTERESTS
    barred = closed[RestrictionType.NOT_ALLOWED]
    return _Bits(
        consents=consents,
        interests=interests & ~never,
        open_consents=_EVERY & ~(barred | closed[RestrictionType.REQUIRE_INTEREST]),
        open_interests=_EVERY
        & ~(barred | closed[RestrictionType.REQUIRE_CONSENT] | never),
    )


def _remarks(tc: TCString, rule: TCFRule) -> list[str]:
    """Return which conditions of the whole string fail; where one does, none grants."""
    remarks = []
    vendor_id = _our_vendor_id(rule)
    if vendor_id is None and rule.role is not TCFRole.PUBLISHER:
        remarks.append("tcf.no_role")
    if not tc.is_service_specific:
        remarks.append("tcf.not_service_specific")
    if tc.tcf_policy_version < _POLICY_OF_2_2 and tc.created >= _OLD_POLICIES_END:
        remarks.append("tcf.policy_version")
    if vendor_id is not None and _is_undisclosed(tc, vendor_id):
        remarks.append("tcf.not_disclosed")
    return remarks


def _is_undisclosed(tc: TCString, vendor_id: int) -> bool:
    if tc.tcf_policy_version < _POLICY_OF_2_3 and tc.created < _DISCLOSURE_BEGINS:
        return False
    return tc.disclosed_vendors is None or vendor_id not in tc.disclosed_vendors


def _is_unknown(tc: TCString, vendor_id: int) -> bool:
    """Whether the string was written without knowing of our id at all."""
    known = (tc.vendor_consents, tc.vendor_legitimate_interests, tc.disclosed_vendors)
    return all(vendors is None or vendor_id > vendors.max_id for vendors in known)


def _verdicts(
    tc: TCString, bits: _Bits, rules: ConsentRules, place: str, *, grants: bool
) -> tuple[Verdicts, bool]:
    """Return what each scope hears, and whether a restriction took a grant away."""
    by_basis = {reads: bits.weigh(reads_interests=reads) for reads in (False, True)}
    # Purpose 1 was not asked about, so its bit is no answer.
    unasked = _FIRST if tc.purpose_one_treatment else 0
    granted_scopes = denied_scopes = needed_at_all = 0
    for scope in rules.scopes:
        if not scope.tcf:
            continue
        needed = _mask(scope.tcf)
        needed_at_all |= needed
        reads = scope.basis.get(place) is Basis.LEGITIMATE_INTEREST
        granted, denied = by_basis[reads]
        if denied & ~unasked & needed:
            denied_scopes |= scope.bit
        elif grants and granted & ~unasked & needed == needed:
            granted_scopes |= scope.bit
    restricted = bits.consents & ~bits.open_consents & needed_at_all
    verdicts = Verdicts(grants=granted_scopes, denies=denied_scopes)
    return verdicts, bool(restricted)


def _problem(tc: TCString, rule: TCFRule, received_at: datetime) -> str | None:
    """Return why nothing of the string may be relied on."""
    latest = max(tc.created, tc.last_updated)
    if latest > received_at + (timedelta() if _is_day(latest) else _LEEWAY):
        return "tcf.future"
    deleted_at = rule.deleted_cmps.get(tc.cmp_id)
    if deleted_at is not None and received_at >= _EPOCH + timedelta(
        microseconds=deleted_at
    ):
        return "tcf.cmp_deleted"
    return None


def _is_day(instant: datetime) -> bool:
    """Whether only the day is meant: since TCF 2.2 times are rounded down to it."""
    return instant.time() == time.min
