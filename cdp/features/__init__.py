"""Named features, computed from a gate's minimized view and from nothing else.

Owns the catalogue: every feature with its inputs, window, unit, version, purposes and
the meaning of a missing value.

- A feature is a function of events and of an instant: late, shuffled and repeated pulls
  of the same events give the same values.
- A feature builds a plan and never runs one: the gate does, and hands nothing out
  before the record of it is durable.

Refuses identity, consent, policy and the lake: what it needs is in the view.
"""

from cdp.features.catalogue import CATALOGUE, FEATURES
from cdp.features.compute import View, compute, pull
from cdp.features.errors import (
    FeatureError,
    FeaturePurposeError,
    UnknownFeatureError,
)
from cdp.features.feature import PROFILE, Feature, FeatureInfo, Kind
from cdp.features.moment import Moment

__all__ = [
    "CATALOGUE",
    "FEATURES",
    "PROFILE",
    "Feature",
    "FeatureError",
    "FeatureInfo",
    "FeaturePurposeError",
    "Kind",
    "Moment",
    "UnknownFeatureError",
    "View",
    "compute",
    "pull",
]
