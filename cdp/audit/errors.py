"""Errors of the log, grouped by who must act.

- The caller brought bytes that do not hold: ``BadProofError`` and its neighbours.
- The operator has a store, a folder or a second writer to look at: ``RolledBackError``,
  ``AnotherWriterError``, ``DamagedLogError``. Each is fatal for the process: going on
  would sign a second history.
- We wrote a record that the log refuses: ``BadRecordError``.
"""

from typing import ClassVar

from cdp.kernel import CdpError


class BadProofError(CdpError):
    """A Merkle proof does not lead to the root it should."""

    code: ClassVar[str] = "audit.bad_proof"


class BadKeyError(CdpError):
    """A verifier key is malformed, or its id is not the hash of its parts."""

    code: ClassVar[str] = "audit.bad_key"


class BadNoteError(CdpError):
    """A signed note is malformed, wrongly signed, or signed by nobody known."""

    code: ClassVar[str] = "audit.bad_note"


class BadCheckpointError(CdpError):
    """The text of a note is not a checkpoint, or of another log."""

    code: ClassVar[str] = "audit.bad_checkpoint"


class BadReceiptError(CdpError):
    """A receipt is malformed."""

    code: ClassVar[str] = "audit.bad_receipt"


class BadTileError(CdpError):
    """A tile path, a tile or a bundle of entries is malformed."""

    code: ClassVar[str] = "audit.bad_tile"


class NotPublishedError(CdpError):
    """The record is not under a checkpoint yet (or there is no such record)."""

    code: ClassVar[str] = "audit.not_published"


class RolledBackError(CdpError):
    """The store is not the one that the last checkpoint was signed over."""

    code: ClassVar[str] = "audit.rolled_back"


class AnotherWriterError(CdpError):
    """Somebody else moved the checkpoint: two publishers run on one log."""

    code: ClassVar[str] = "audit.another_writer"


class DamagedLogError(CdpError):
    """What was read back is not what was written; nothing is signed over it."""

    code: ClassVar[str] = "audit.damaged"


class BadRecordError(CdpError):
    """A draft breaks the rules of the record: free text for a code, too long."""

    code: ClassVar[str] = "audit.bad_record"
