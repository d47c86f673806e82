"""From a minimized view to a plan with one row for each profile, and the pull of it.

All aggregates share one pass over the view's events, which also takes the release's
attributes along; each ranking adds a pass of its own and is joined by profile.

Refuses a feature that the catalogue does not have or that was made for other purposes.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import ibis.expr.types as ir

from cdp.features.catalogue import FEATURES
from cdp.features.errors import FeaturePurposeError, UnknownFeatureError
from cdp.features.feature import PROFILE, Feature, Ranking
from cdp.features.moment import Moment
from cdp.gate import AccessRequest, Answer, Denied, Gate, Granted, Ruling


class View(Protocol):
    """What a feature may know: a gate's ``MinimizedView``, seen from here.

    ``events`` has the column ``profile`` and the inputs of ``features``;
    ``per_profile`` begins a plan with one row for each profile.
    """

    @property
    def events(self) -> ir.Table:
        """The usable events."""
        ...

    @property
    def as_of(self) -> datetime:
        """The instant that features are computed for."""
        ...

    @property
    def purpose(self) -> str:
        """What the answer is for."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """The names wanted."""
        ...

    def per_profile(self, measures: Mapping[str, ir.Value]) -> ir.Table:
        """Begin a plan: the measures by profile, beside what the release adds."""
        ...


def compute(view: View, *, zone: str = "UTC") -> ir.Table:
    """Return a plan with one row for each profile of the view.

    Args:
        zone: IANA name of the calendar that weekdays are counted in.

    Raises:
        UnknownFeatureError: the catalogue has no feature of a wanted name.
        FeaturePurposeError: a feature was not made for the view's purpose.
    """
    wanted = [_known(name, view.purpose) for name in view.features]
    moment = Moment(as_of=view.as_of, zone=zone)
    events = view.events
    measures = {
        feature.name: feature.build(events, moment)
        for feature in wanted
        if not feature.is_ranking
    }
    plan = view.per_profile(measures)
    rankings: dict[Ranking, list[str]] = {}
    for feature in wanted:
        if feature.is_ranking:
            columns = rankings.setdefault(feature.build, [])
            columns.append(feature.name)
    for rank, columns in rankings.items():
        ranked = rank(events, moment).select(PROFILE, *columns)
        joined = plan.left_join(ranked, PROFILE)
        plan = joined.select(*plan.columns, *columns)
    return plan


def pull(gate: Gate, request: AccessRequest, *, zone: str = "UTC") -> Ruling[Answer]:
    """Ask the gate for a view, compute its features, and let the gate hand them out.

    A denial is the gate's, recorded already.

    Raises:
        FeatureError: the policy in force asks for a feature that is not there.
    """
    match gate.open(request):
        case Denied() as denied:
            return denied
        case Granted(value=view):
            with view:
                return gate.release(view, compute(view, zone=zone))


def _known(name: str, purpose: str) -> Feature:
    feature = FEATURES.get(name)
    if feature is None:
        raise UnknownFeatureError(f"there is no feature {name}")
    if purpose not in feature.purposes:
        raise FeaturePurposeError(f"{name} is not made for {purpose}")
    return feature
