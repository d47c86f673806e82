"""What can go wrong in the features, grouped by who must act."""

from typing import ClassVar

from cdp.kernel import CdpError


class FeatureError(CdpError):
    """Root of this room's errors."""

    code: ClassVar[str] = "features"


# The operator: a policy names what does not exist, or for what it was not made.


class UnknownFeatureError(FeatureError):
    """The catalogue has no feature of this name."""

    code: ClassVar[str] = "features.unknown"


class FeaturePurposeError(FeatureError):
    """The feature was not made for the purpose of this view."""

    code: ClassVar[str] = "features.purpose"
