"""Segments (고객 세분화): groups of pseudonymous rows.

Owns the input contract, RFM scores and segments, clusters, and their summary.

- The room sees tokens, features and a grant: never an identifier, a handle or a key.
- No grant, no use: purpose, end, domain, content and columns are checked at every use.
- Estimators are scikit-learn's kind; time, seed and threads are arguments.

Refuses identity, raw events and the network.

Needs the extra ``segments`` (scikit-learn).
"""

from cdp.segments.clusters import ClusterSegments
from cdp.segments.contract import Admitted, admit
from cdp.segments.errors import GrantError, GrantReason, TooLittleDataError
from cdp.segments.model import SegmentModel
from cdp.segments.presets import cluster_model, rfm_model
from cdp.segments.rfm import CLASSIC_10, UNASSIGNED, Band, RFMScorer, RFMSegments
from cdp.segments.summary import Segment, summarize

__all__ = [
    "CLASSIC_10",
    "UNASSIGNED",
    "Admitted",
    "Band",
    "ClusterSegments",
    "GrantError",
    "GrantReason",
    "RFMScorer",
    "RFMSegments",
    "Segment",
    "SegmentModel",
    "TooLittleDataError",
    "admit",
    "cluster_model",
    "rfm_model",
    "summarize",
]
