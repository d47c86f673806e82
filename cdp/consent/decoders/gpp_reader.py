"""What a GPP string says about our scopes.

- Opt-outs of sale, sharing and targeted advertising: 1 denies every scope that lists
  the field. 2 (did not opt out) and 0 say nothing, in any regime: where silence grants,
  it already does, and a string that is stamped on every event must not answer an
  earlier denial. So no US section ever grants.
- An item of ``SensitiveDataProcessing`` that is 1 (opted out, or no consent) denies the
  scopes that list it; one of ``KnownChildSensitiveDataConsents`` denies every scope
  that lists any field. ``PersonalDataConsents`` and ``AdditionalDataProcessingConsent``
  of 1 deny every secondary purpose: what rests on consent or opt-out and is not
  required.
- ``Gpc`` is a reading of its own, an opt-out of the browser (R5). So is the TC string
  of section 2: it has a date, and the other sections have none.
- Several sections: any denial denies, and no TC string grants what another section
  denies. Where the sender names the sections that apply (``gppSid``), the TC string of
  one that does not can only deny; what other sections deny counts all the same. Whoever
  objected somewhere objected.
- A section with bits that no layout explains counts as denied for the scopes that list
  a field.

Refuses: raising. A string that does not decode closes what it could have been about.

Source: rules R5 and R9 and section 6.2 of the consent design;
docs/decisions/0063-own-gpp-decoder.md.
"""

import re
from collections.abc import Iterable
from datetime import datetime

import msgspec

from cdp.consent.decoders.eu_section import EUSection
from cdp.consent.decoders.gpp import GPPString, UnknownSection, decode_gpp_string
from cdp.consent.decoders.recent import Recent
from cdp.consent.decoders.rudderstack import CONTRADICTION
from cdp.consent.decoders.tcf_reader import read_tcf
from cdp.consent.decoders.us_privacy import USPrivacy
from cdp.consent.decoders.us_sections import (
    ADDITIONAL,
    CHILD,
    PERSONAL,
    SALE,
    SENSITIVE,
    SHARING,
    TARGETED,
    USSection,
)
from cdp.consent.errors import DecodeReason, GPPStringError
from cdp.consent.reading import Reading, unreadable
from cdp.consent.rules import Basis, ConsentRules, ScopeRule
from cdp.consent.signals import Carrier, Verdicts

_FIELDS = (SALE, SHARING, TARGETED, SENSITIVE, CHILD, PERSONAL, ADDITIONAL)
_SECONDARY = frozenset({PERSONAL, ADDITIONAL})
_ASKING = frozenset({Basis.CONSENT, Basis.OPT_OUT})
_decode = Recent(decode_gpp_string)
_NUMBER = re.compile(r"-?[0-9]{1,5}")


def read_gpp(
    raw: object,
    rules: ConsentRules,
    place: str,
    received_at: datetime,
    section_ids: object = None,
) -> tuple[Reading, ...]:
    """Read a GPP string; empty says nothing.

    Args:
        place: the jurisdiction; it says what rests on consent or opt-out, and whom a
            browser's opt-out concerns.
        section_ids: the sections that apply, as the sender gave them: a list of
            numbers, or text such as ``2,8``. None is not given. What is neither applies
            nowhere, with a remark.

    Returns:
        At most three readings: the US sections, the browser's opt-out (``opts_out``),
        and the TC string of section 2 (``carrier`` is that of TC strings).
    """
    if raw is None:
        return ()
    if not isinstance(raw, str):
        return (unreadable("gpp.not_text", _about(rules)),)
    try:
        decoded = _decode(raw)
    except GPPStringError as failure:
        return (unreadable(f"gpp.{failure.reason}", _about(rules)),)
    applying, is_odd = _applying(section_ids)
    sections = _sections(decoded, rules, place, is_odd=is_odd)
    opt_out = _opt_out(decoded, rules, place)
    denied = sections.verdicts.closes | (opt_out.verdicts.denies if opt_out else 0)
    tc = _tc(decoded, rules, place, received_at, applying, denied)
    found = (sections, opt_out, tc)
    return tuple(
        one for one in found if one and not (one.is_silent and not one.remarks)
    )


def _about(rules: ConsentRules) -> int:
    """Return the scopes that some section could have been about."""
    return _mask(scope for scope in rules.scopes if scope.gpp or scope.tcf)


def _mask(scopes: Iterable[ScopeRule]) -> int:
    return sum(scope.bit for scope in scopes)


def _sections(
    decoded: GPPString, rules: ConsentRules, place: str, *, is_odd: bool
) -> Reading:
    """Return what the US sections say, and what was odd about the string."""
    refused: set[str] = set()
    remarks = {"gpp.section_ids"} if is_odd else set()
    problem = None
    for section in decoded.sections:
        match section:
            case USSection():
                refused.update(filter(section.is_refused, _FIELDS))
                if section.surplus:
                    problem = f"gpp.{DecodeReason.TRAILING}"
            case USPrivacy():
                if section.opt_out_sale == "Y":
                    refused.add(SALE)
            case UnknownSection():
                remarks.add("gpp.section_unknown")
            case _:
                # The TC string speaks for itself, Canada says nothing.
                pass
    denies = _mask(
        scope for scope in rules.scopes if refused and _is_denied(scope, refused, place)
    )
    closed = _mask(scope for scope in rules.scopes if scope.gpp) if problem else 0
    return Reading(
        verdicts=Verdicts(denies=denies, unreadable=closed & ~denies),
        problem=problem,
        remarks=tuple(sorted(remarks)),
    )


def _is_denied(scope: ScopeRule, refused: set[str], place: str) -> bool:
    if scope.gpp and (CHILD in refused or not refused.isdisjoint(scope.gpp)):
        return True
    # A place that the scope does not know grants nothing there anyway.
    basis = scope.basis.get(place, Basis.CONSENT)
    is_secondary = basis in _ASKING and not scope.required
    return is_secondary and not refused.isdisjoint(_SECONDARY)


def _opt_out(decoded: GPPString, rules: ConsentRules, place: str) -> Reading | None:
    if not any(
        isinstance(section, USSection) and section.gpc for section in decoded.sections
    ):
        return None
    denies = rules.gpc_mask(place)
    return Reading(verdicts=Verdicts(denies=denies), opts_out=True)


def _tc(
    decoded: GPPString,
    rules: ConsentRules,
    place: str,
    received_at: datetime,
    applying: frozenset[int] | None,
    denied: int,
) -> Reading | None:
    section = next(
        (one for one in decoded.sections if isinstance(one, EUSection)), None
    )
    if section is None:
        return None
    reading = read_tcf(section.text, rules, place, received_at)
    if reading is None:
        return None
    verdicts, remarks = reading.verdicts, reading.remarks
    if applying is not None and section.id not in applying:
        denied = -1
    elif verdicts.grants & denied:
        remarks = (*remarks, CONTRADICTION)
    return msgspec.structs.replace(
        reading,
        verdicts=msgspec.structs.replace(verdicts, grants=verdicts.grants & ~denied),
        remarks=remarks,
        carrier=Carrier.TCF,
    )


def _applying(section_ids: object) -> tuple[frozenset[int] | None, bool]:
    """Return the sections that apply, and whether the sender's list made no sense."""
    match section_ids:
        case None:
            return None, False
        case str():
            parts: list[object] = list(section_ids.replace("_", ",").split(","))
        case list() | tuple():
            parts = list(section_ids)
        case _:
            parts = [section_ids]
    ids = [_section_id(part) for part in parts]
    return frozenset(one for one in ids if one is not None), None in ids


def _section_id(part: object) -> int | None:
    # Not isinstance: True is no id. Minus one is how some senders say "none applies".
    if type(part) is int:
        return part
    if isinstance(part, str) and _NUMBER.fullmatch(part):
        return int(part)
    return None
