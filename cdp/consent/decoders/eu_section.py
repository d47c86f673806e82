"""The TCF EU section of a GPP string, section 2: a TC string.

- It is read by the decoder of TC strings, with one difference. CMP ids 0 and 1 are let
  through: the writers of GPP strings leave zero where no CMP has spoken yet, and the
  other sections of such a string still count. Whoever wants to grant on the TC string
  reads ``text`` with the reader of TC strings, and that refuses it.
- ``to_dict`` has the field names of GPP, which differ from those of TCF.

Source: IAB Tech Lab, Global Privacy Platform, "Sections/EEA".
"""

from datetime import datetime

import msgspec

from cdp.consent.decoders.id_sets import BitField, IdSet
from cdp.consent.decoders.tcf import PURPOSES, PublisherTC, TCString, decode_tc_string
from cdp.consent.errors import GPPStringError, TCStringError

NAME = "tcfeuv2"
_NO_PURPOSES = BitField(0, PURPOSES)
_NO_CUSTOM = BitField(0, 0)
_NO_PUBLISHER = PublisherTC(_NO_PURPOSES, _NO_PURPOSES, _NO_CUSTOM, _NO_CUSTOM)
_DISCLOSED, _ALLOWED, _PUBLISHER = 1, 2, 3


class EUSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section 2, decoded, and as it came."""

    text: str
    tc: TCString

    @property
    def id(self) -> int:
        """The section's number."""
        return 2

    @property
    def name(self) -> str:
        """The section's prefix."""
        return NAME

    def to_dict(self) -> dict[str, object]:
        """Return the fields by the standard's names.

        A segment that is missing shows its defaults, as other decoders print it.
        """
        tc = self.tc
        publisher = tc.publisher_tc or _NO_PUBLISHER
        return {
            "Version": tc.version,
            "Created": _iso(tc.created),
            "LastUpdated": _iso(tc.last_updated),
            "CmpId": tc.cmp_id,
            "CmpVersion": tc.cmp_version,
            "ConsentScreen": tc.consent_screen,
            "ConsentLanguage": tc.consent_language,
            "VendorListVersion": tc.vendor_list_version,
            "PolicyVersion": tc.tcf_policy_version,
            "IsServiceSpecific": tc.is_service_specific,
            "UseNonStandardStacks": tc.use_non_standard_texts,
            "SpecialFeatureOptins": _flags(tc.special_feature_opt_ins),
            "PurposeConsents": _flags(tc.purposes_consent),
            "PurposeLegitimateInterests": _flags(tc.purposes_li_transparency),
            "PurposeOneTreatment": tc.purpose_one_treatment,
            "PublisherCountryCode": tc.publisher_cc,
            "VendorConsents": _ids(tc.vendor_consents),
            "VendorLegitimateInterests": _ids(tc.vendor_legitimate_interests),
            "PublisherRestrictions": [
                {
                    "key": one.purpose_id,
                    "type": int(one.restriction_type),
                    "ids": _ids(one.vendors),
                }
                for one in tc.publisher_restrictions
            ],
            "PublisherPurposesSegmentType": _PUBLISHER,
            "PublisherConsents": _flags(publisher.pub_purposes_consent),
            "PublisherLegitimateInterests": _flags(
                publisher.pub_purposes_li_transparency
            ),
            "NumCustomPurposes": publisher.num_custom_purposes,
            "PublisherCustomConsents": _flags(publisher.custom_purposes_consent),
            "PublisherCustomLegitimateInterests": _flags(
                publisher.custom_purposes_li_transparency
            ),
            "VendorsAllowedSegmentType": _ALLOWED,
            "VendorsAllowed": _ids(tc.allowed_vendors),
            "VendorsDisclosedSegmentType": _DISCLOSED,
            "VendorsDisclosed": _ids(tc.disclosed_vendors),
        }


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _flags(field: BitField) -> list[bool]:
    return [place in field for place in range(1, field.max_id + 1)]


def _ids(found: IdSet | None) -> list[int]:
    return [] if found is None else sorted(found.ids())


def decode_eu_section(text: str) -> EUSection:
    """Return the TCF EU section.

    Raises:
        GPPStringError: it is no TC string; the reason is that of the TC string.
    """
    try:
        return EUSection(text=text, tc=decode_tc_string(text, lowest_cmp_id=0))
    except TCStringError as failure:
        where = f"{NAME}.{failure.where}" if failure.where else NAME
        raise GPPStringError(failure.reason, where) from failure
