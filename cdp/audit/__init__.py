"""Audit: who touched whose data, when, why, under which consent and policy.

Owns the append-only, verifiable log of every access and every denial.

- No record, no data: a record is in the transaction of what it tells of, and durable
  before the first byte of an answer leaves.
- An outsider can check it: a C2SP tlog-tiles log, signed checkpoints, receipts that
  need no code of ours.
- An envelope holds no personal data; who, from where and why lies sealed beside the log
  and can be shredded. Then the log verifies and says *shredded*, not *tampered*.
- A store that was rolled back is noticed by the checkpoint store and never signed over.

Refuses: edits. Values of a person in the clear. Signing anything it did not read back.

Source: RFC 6962, RFC 9162; C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof;
decisions 0010 to 0012.
"""

from cdp.audit.appender import Appended
from cdp.audit.checkpoint import Checkpoint, open_checkpoint
from cdp.audit.errors import (
    AnotherWriterError,
    BadCheckpointError,
    BadKeyError,
    BadNoteError,
    BadProofError,
    BadReceiptError,
    BadRecordError,
    BadTileError,
    DamagedLogError,
    NotPublishedError,
    RolledBackError,
)
from cdp.audit.files import LogFolder
from cdp.audit.log import AuditLog
from cdp.audit.note import VerifierKey, parse_verifier_key
from cdp.audit.receipt import Receipt, parse_receipt, verify_receipt
from cdp.audit.record import Draft, Envelope, Kind, Outcome, Payload, Role
from cdp.audit.repository import Pending
from cdp.audit.search import AuditFilter, AuditPage, AuditRecord
from cdp.audit.verify import Fault, VerifyReport, verify_files

__all__ = [
    "AnotherWriterError",
    "Appended",
    "AuditFilter",
    "AuditLog",
    "AuditPage",
    "AuditRecord",
    "BadCheckpointError",
    "BadKeyError",
    "BadNoteError",
    "BadProofError",
    "BadReceiptError",
    "BadRecordError",
    "BadTileError",
    "Checkpoint",
    "DamagedLogError",
    "Draft",
    "Envelope",
    "Fault",
    "Kind",
    "LogFolder",
    "NotPublishedError",
    "Outcome",
    "Payload",
    "Pending",
    "Receipt",
    "Role",
    "RolledBackError",
    "VerifierKey",
    "VerifyReport",
    "open_checkpoint",
    "parse_receipt",
    "parse_verifier_key",
    "verify_files",
    "verify_receipt",
]
