"""A policy that listens to every standard, and what the tests of readers share.

Ordinals: linking 0, analytics 1, segmentation 2, ads 3 and, for a partner, 4; mail 5
listens to no standard.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from cdp.consent import (
    GPC,
    Basis,
    ConsentRules,
    Default,
    JurisdictionRule,
    NoticeRule,
    Reading,
    ScopeRule,
    Verdict,
)
from cdp.consent.rules import TCFRole, TCFRule
from tests.consent.house import mask

LINKING, ANALYTICS, SEGMENTATION, ADS, PARTNER, MAIL = range(6)
NAMES = ("linking", "analytics", "segmentation", "ads", "ads>partner", "mail")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
PLACE = "KR"

_EVERYWHERE = {"KR": Basis.CONSENT, "US-CA": Basis.OPT_OUT}
_ADS: dict[str, Any] = {
    "purpose": "ads",
    "basis": _EVERYWHERE,
    "categories": ("Advertising", "DataSharing"),
    "consent_mode": ("ad_storage", "ad_user_data"),
    "tcf": (4, 7),
    "gpp": ("SaleOptOut",),
    "gpc": GPC.DENY,
}
BANNER = ConsentRules(
    version="banner-1",
    scopes=(
        ScopeRule(
            ordinal=LINKING,
            purpose="linking",
            basis=_EVERYWHERE,
            categories=("Functional",),
            tcf=(1,),
        ),
        ScopeRule(
            ordinal=ANALYTICS,
            purpose="analytics",
            basis=_EVERYWHERE,
            categories=("Analytics",),
            consent_mode=("analytics_storage",),
            tcf=(8, 9, 10),
        ),
        ScopeRule(
            ordinal=SEGMENTATION,
            purpose="segmentation",
            basis=_EVERYWHERE,
            categories=("Advertising",),
            consent_mode=("ad_personalization", "ad_user_data"),
            gpc=GPC.DENY,
        ),
        ScopeRule(ordinal=ADS, **_ADS),
        ScopeRule(ordinal=PARTNER, recipient="partner", **_ADS),
        ScopeRule(ordinal=MAIL, purpose="mail", basis=_EVERYWHERE),
    ),
    jurisdictions={
        "KR": JurisdictionRule(key="KR", default=Default.OPT_IN, zone="Asia/Seoul"),
        "US-CA": JurisdictionRule(
            key="US-CA", default=Default.OPT_OUT, zone="America/Los_Angeles"
        ),
    },
    notices={"banner-7": NoticeRule(key="banner-7", covers={"KR": -1})},
    tcf=TCFRule(role=TCFRole.PUBLISHER),
)
CATEGORIES = mask(LINKING, ANALYTICS, SEGMENTATION, ADS, PARTNER)
CONSENT_MODE = mask(ANALYTICS, SEGMENTATION, ADS, PARTNER)

# Anything that JSON can hold, with the words of the standards mixed in.
_WORDS = [
    "categoryPreferences",
    "tcf",
    "gpp",
    "gppSid",
    "consentMode",
    "gpc",
    "decidedAt",
    "gcd",
    "gcs",
    "ad_storage",
    "ad_user_data",
    "allowedConsentIds",
    "deniedConsentIds",
    "schema",
    "data",
    "documents",
    "id",
    "version",
    "all",
    "expiry",
    "eventType",
    "allow_all",
    "withdrawn",
    "consentScopes",
    "consentVersion",
    "basisForProcessing",
    "consent",
    "Advertising",
    "Functional",
    "granted",
    "GRANTED",
    "13l3l3l3l5l1",
    "G110",
    "1",
    "iglu:com.snowplowanalytics.snowplow/consent_granted/jsonschema/1-0-0",
]
words = st.sampled_from(_WORDS) | st.text(max_size=6)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=5)
    ),
    max_leaves=12,
)


def said(reading: Reading | None) -> dict[str, Verdict]:
    """What a reading says, by the keys of the scopes."""
    if reading is None:
        return {}
    verdicts = {
        name: reading.verdicts.on(ordinal) for ordinal, name in enumerate(NAMES)
    }
    return {name: one for name, one in verdicts.items() if one is not None}


def closed(reading: Reading | None) -> int:
    """What an unreadable statement was about, as a mask."""
    assert reading is not None
    assert reading.problem is not None
    assert reading.verdicts.grants == 0
    return reading.verdicts.unreadable


def shared_vectors(name: str) -> Any:
    """Read a file of the shared vectors; skip where they are not."""
    path = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / name
    if not path.exists():
        pytest.skip("the shared vectors are not here")
    return json.loads(path.read_text(encoding="utf-8"))
