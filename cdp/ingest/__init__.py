"""An event arrives: decode, decide, minimize, resolve, land it in the inbox.

Owns the collectors of the wire formats, the rounds in which batches are decided, the
desk that takes down a person's own decision, and the counts of what was taken and
refused.

- Acknowledged means durable: an answer leaves after the commit that holds the event.
- What no policy names is never stored; what consent does not cover keeps no identity.
- One bad event never fails its batch.

Refuses: answering questions about a person. That is the gate.

Source: docs/architecture.md, the life of an event; the public Segment tracking API.
"""

from cdp.ingest.access import RequestKeys, Sources
from cdp.ingest.body import MAX_BODY_BYTES
from cdp.ingest.bulk import BulkImport, Checked, Written
from cdp.ingest.bulk_line import Fault
from cdp.ingest.bulk_line import Terms as ImportTerms
from cdp.ingest.collector import Arrival, Collector
from cdp.ingest.decision import (
    DecisionKept,
    DecisionState,
    PersonDecision,
    RawStatement,
)
from cdp.ingest.desk import ConsentDesk, Issue, Taken
from cdp.ingest.errors import (
    DecisionRefusedError,
    ImportRefusedError,
    KeyUnknownError,
    OriginNotAllowedError,
    RequestRefusedError,
    SlowBodyError,
)
from cdp.ingest.familiar import MAX_FACES, Familiar
from cdp.ingest.hearing import Hearing
from cdp.ingest.intake import Intake
from cdp.ingest.judgement import Judge
from cdp.ingest.links import LinkDesk, LinkWish
from cdp.ingest.prepare import Preparer
from cdp.ingest.receipts import (
    ReceiptIssuer,
)
from cdp.ingest.report import (
    SourceCounts,
    read_counts,
    read_drops,
    read_refusals,
    read_totals,
)
from cdp.ingest.rounds import Rounds

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_FACES",
    "Arrival",
    "BulkImport",
    "Checked",
    "Collector",
    "ConsentDesk",
    "DecisionKept",
    "DecisionRefusedError",
    "DecisionState",
    "Familiar",
    "Fault",
    "Hearing",
    "ImportRefusedError",
    "ImportTerms",
    "Intake",
    "Issue",
    "Judge",
    "KeyUnknownError",
    "LinkDesk",
    "LinkWish",
    "OriginNotAllowedError",
    "PersonDecision",
    "Preparer",
    "RawStatement",
    "ReceiptIssuer",
    "RequestKeys",
    "RequestRefusedError",
    "Rounds",
    "SlowBodyError",
    "SourceCounts",
    "Sources",
    "Taken",
    "Written",
    "read_counts",
    "read_drops",
    "read_refusals",
    "read_totals",
]
