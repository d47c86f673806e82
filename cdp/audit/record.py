"""The record: what is said of one access, in two parts that a commitment ties together.

- The *envelope* is the leaf of the log: small, canonical, and without personal data.
  All its texts are codes (``BadRecordError`` for anything that is not one), a count
  from 1 to 9 is written ``<10``.
- The *payload* says who and where. It lies sealed beside the log and can be shredded;
  the envelope holds ``H("cdp/payload/v1" || salt || payload)``.
- Sets of subjects are committed as ``subjects`` says, each under a salt of its own:
  ``HMAC-SHA-256(record salt, "cdp/subj/v1/" || role)``. The record's salt lies inside
  the ciphertext, so nothing can be guessed once it is shredded.

Refuses in either part: values of a person, identifiers, digests, handles, pseudonyms,
keys, search text. What is not a field here cannot be said.

Pure: the id, the instant and the salt are arguments.

Source: RFC 8785 for the form; the project's audit design, section 3.
"""

import hmac
import re
from enum import StrEnum
from hashlib import sha256
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from cdp.audit.errors import BadRecordError
from cdp.audit.subjects import Ordinals, SetRoot, commit, pack, split
from cdp.audit.tiles import MAX_ENTRY_BYTES

VERSION: Final = 1
SALT_BYTES: Final = 32
_PAYLOAD_LABEL: Final = b"cdp/payload/v1"
_SET_LABEL: Final = b"cdp/subj/v1/"
_FEW: Final = 10  # a count below it is not told in the envelope
_MAX_JUSTIFICATION: Final = 500
# 2**53 - 1, RFC 8785 section 3.2.2.3: beyond it a double may change the number.
_MAX_INTEGER: Final = 9_007_199_254_740_991
_OUTSIDE: Final = "a number of the record is outside [0, 2^53)"
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/#*\-]{0,127}")
_HEX_32: Final = re.compile(r"[0-9a-f]{64}")


class Kind(StrEnum):
    """What happened. Closed, stable and public."""

    PROFILE_READ = "profile.read"
    CONSENT_READ = "consent.read"
    RELEASE_PULL = "release.pull"
    SEGMENT_READ = "segment.read"
    SEGMENT_RUN = "segment.run"
    SEGMENT_PROMOTE = "segment.promote"
    ACTIVATION_SEND = "activation.send"
    EXPORT_MAKE = "export.make"
    ANSWER_DELIVER = "answer.deliver"
    EVENT_INGEST = "event.ingest"
    CONSENT_CHANGE = "consent.change"
    IDENTITY_LOOKUP = "identity.lookup"
    IDENTITY_UNMERGE = "identity.unmerge"
    IDENTITY_REVEAL = "identity.reveal"
    PSEUDONYM_REIDENTIFY = "pseudonym.reidentify"
    RIGHTS_REQUEST = "rights.request"
    RIGHTS_ERASE = "rights.erase"
    RETENTION_SWEEP = "retention.sweep"
    INCIDENT_OPEN = "incident.open"
    ALERT_RAISE = "alert.raise"
    PAYLOAD_SHRED = "payload.shred"
    POLICY_CHANGE = "policy.change"
    ACCESS_CHANGE = "access.change"
    AUTH_SIGN_IN = "auth.sign_in"
    KEY_ROTATE = "key.rotate"
    AUDIT_QUERY = "audit.query"
    AUDIT_EXPORT = "audit.export"
    REVIEW_SIGN = "review.sign"
    LOG_START = "log.start"
    LOG_STOP = "log.stop"
    LOG_BEAT = "log.beat"
    LOG_CLOCK = "log.clock"


class Role(StrEnum):
    """How a subject was part of an access."""

    RETURNED = "returned"
    WITHHELD = "withheld"
    INCIDENTAL = "incidental"

    @property
    def code(self) -> int:
        """The number under which the role is stored."""
        return _ROLE_CODES[self]

    @staticmethod
    def from_code(code: int) -> "Role":
        """Return the role that was stored as ``code``."""
        return _ROLES[code]


_ROLES: Final = (Role.RETURNED, Role.WITHHELD, Role.INCIDENTAL)
_ROLE_CODES: Final = {role: code for code, role in enumerate(_ROLES)}

Outcome: TypeAlias = Literal["allowed", "denied", "error"]
ActorKind: TypeAlias = Literal["person", "job", "system"]
Rounded: TypeAlias = int | Literal["<10"]


class Draft(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a room wants recorded; the log adds id, time, salt and commitments.

    ``returned``, ``withheld`` and ``incidental`` are (n,) int64 ordinals of handles
    (``AuditLog.ordinals``), or None. ``counts`` are exact here; ``bytes`` is the
    length of the answer. Everything from ``actor`` on goes into the payload.
    """

    kind: Kind
    outcome: Outcome = "allowed"
    actor_kind: ActorKind = "system"
    reason: str | None = None
    rule: str | None = None
    purpose: str | None = None
    recipient: str | None = None
    release: str | None = None
    policy: str | None = None
    watermark: int | None = None
    epoch: int | None = None
    counts: dict[str, int] = {}
    rows: int | None = None
    bytes: int | None = None
    fields: tuple[str, ...] = ()
    returned: Ordinals | None = None
    withheld: Ordinals | None = None
    incidental: Ordinals | None = None
    prev: str | None = None

    actor: str | None = None
    client: str | None = None
    on_behalf_of: str | None = None
    session: str | None = None
    approvers: tuple[str, ...] = ()
    source_address: str | None = None
    agent: str | None = None
    host: str | None = None
    trace: str | None = None
    reason_code: str | None = None
    ticket: str | None = None
    justification: str | None = None
    query: str | None = None
    signal: str | None = None


class Envelope(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """The leaf of one record. Its canonical bytes are what the tree hashes.

    ``t`` is the writer's clock in milliseconds; order is the index, never ``t``.
    """

    v: int
    id: str
    t: int
    kind: Kind
    outcome: Outcome
    actor_kind: ActorKind
    reason: str | None = None
    rule: str | None = None
    purpose: str | None = None
    recipient: str | None = None
    release: str | None = None
    policy: str | None = None
    watermark: int | None = None
    epoch: int | None = None
    n: dict[str, Rounded] = {}
    rows: Rounded | None = None
    bytes: int | None = None
    fields: tuple[str, ...] = ()
    returned: SetRoot | None = None
    withheld: SetRoot | None = None
    incidental: SetRoot | None = None
    payload: str | None = None
    prev: str | None = None


class Payload(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """Who, from where and why, with the exact counts. Sealed; it can be shredded."""

    actor: str | None = None
    client: str | None = None
    on_behalf_of: str | None = None
    session: str | None = None
    approvers: tuple[str, ...] = ()
    source_address: str | None = None
    agent: str | None = None
    host: str | None = None
    trace: str | None = None
    reason_code: str | None = None
    ticket: str | None = None
    justification: str | None = None
    query: str | None = None
    signal: str | None = None
    counts: dict[str, int] = {}
    rows: int | None = None


class StoredPart(NamedTuple):
    """One part of one set of a record, as it is stored."""

    number: int
    role: int
    members: bytes


class Written(NamedTuple):
    """A finished record: the leaf's bytes, what is to be sealed, the parts to store."""

    envelope: bytes
    plaintext: bytes
    parts: list[StoredPart]


# On the part of JSON that these structs use, the sorted encoder writes RFC 8785; a test
# holds it against ``canonical``. Twice the speed counts here: this runs for every
# request.
_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode_envelope: Final = msgspec.json.Decoder(Envelope).decode
_decode_payload: Final = msgspec.json.Decoder(Payload).decode


class Codes:
    """Remembers texts that are codes, so that each combination is looked at once."""

    def __init__(self, most: int = 4096) -> None:
        self._known: set[tuple[str | None, ...]] = set()
        self._most = most

    def check(self, texts: tuple[str | None, ...]) -> None:
        """Let codes pass.

        Raises:
            BadRecordError: a text is no code, so it might be about a person.
        """
        if texts in self._known:
            return
        if not all(text is None or _CODE.fullmatch(text) for text in texts):
            raise BadRecordError("an envelope holds codes alone, and a text is none")
        if len(self._known) >= self._most:
            self._known.clear()
        self._known.add(texts)


def write(
    draft: Draft, *, record_id: str, millis: int, salt: bytes, codes: Codes
) -> Written:
    """Finish a record.

    Args:
        draft: what happened.
        record_id: a UUIDv7 in its text form.
        millis: the writer's clock, milliseconds since 1970.
        salt: 32 random bytes of this record alone.
        codes: the memory of texts known to be codes.

    Raises:
        BadRecordError: a text of the envelope is no code, a number is negative, or the
            record is too long.
    """
    counts, fields, rows = draft.counts, draft.fields, draft.rows
    reason, rule, purpose = draft.reason, draft.rule, draft.purpose
    recipient, release, policy = draft.recipient, draft.release, draft.policy
    codes.check((reason, rule, purpose, recipient, release, policy))
    codes.check((*fields, *counts))
    if draft.prev is not None:
        codes.check((draft.prev,))
    for number in (draft.watermark, draft.epoch, draft.bytes):
        if number is not None and not 0 <= number <= _MAX_INTEGER:
            raise BadRecordError(_OUTSIDE)
    justification = draft.justification
    if justification is not None and len(justification) > _MAX_JUSTIFICATION:
        raise BadRecordError(f"a justification has {_MAX_JUSTIFICATION} characters")
    payload = _encode(_payload_of(draft))
    roots, parts = _sets_of(draft, salt)
    envelope = _encode(
        Envelope(
            v=VERSION,
            id=record_id,
            t=millis,
            kind=draft.kind,
            outcome=draft.outcome,
            actor_kind=draft.actor_kind,
            reason=reason,
            rule=rule,
            purpose=purpose,
            recipient=recipient,
            release=release,
            policy=policy,
            watermark=draft.watermark,
            epoch=draft.epoch,
            n={key: _rounded(count) for key, count in counts.items()},
            rows=None if rows is None else _rounded(rows),
            bytes=draft.bytes,
            fields=fields,
            returned=roots.get(Role.RETURNED) if roots else None,
            withheld=roots.get(Role.WITHHELD) if roots else None,
            incidental=roots.get(Role.INCIDENTAL) if roots else None,
            payload=payload_commitment(salt, payload),
            prev=draft.prev,
        )
    )
    if len(envelope) > MAX_ENTRY_BYTES:
        raise BadRecordError(f"an envelope has at most {MAX_ENTRY_BYTES} bytes")
    return Written(envelope, salt + payload, parts)


def payload_commitment(salt: bytes, payload: bytes) -> str:
    """Return what the envelope says of its payload, in hex."""
    return sha256(_PAYLOAD_LABEL + salt + payload).hexdigest()


def set_salt(salt: bytes, role: Role) -> bytes:
    """Return the salt of one set, from the salt of its record."""
    return hmac.digest(salt, _SET_LABEL + role.value.encode(), "sha256")


def read_envelope(raw: bytes) -> Envelope:
    """Decode an envelope strictly: known fields, closed codes, canonical bytes.

    Raises:
        BadRecordError: it is anything else.
    """
    try:
        envelope = _decode_envelope(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRecordError("the entry is not an envelope") from error
    if _encode(envelope) != raw:
        raise BadRecordError("the envelope is not in canonical form")
    return envelope


def check_envelope(envelope: Envelope, codes: Codes) -> None:
    """Check what the type cannot say: codes alone, commitments of 32 bytes.

    Raises:
        BadRecordError: a field holds what an envelope must not.
    """
    codes.check(
        (
            envelope.reason,
            envelope.rule,
            envelope.purpose,
            envelope.recipient,
            envelope.release,
            envelope.policy,
        )
    )
    codes.check((*envelope.fields, *envelope.n))
    if envelope.prev is not None:
        codes.check((envelope.prev,))
    sets = (envelope.returned, envelope.withheld, envelope.incidental)
    for root in (envelope.payload, *(found.root for found in sets if found)):
        if root is not None and not _HEX_32.fullmatch(root):
            raise BadRecordError("a commitment is not 32 bytes in hex")


def open_plaintext(plaintext: bytes, envelope: Envelope) -> tuple[bytes, Payload]:
    """Return the record's salt and payload, if they are what the envelope commits to.

    Raises:
        BadRecordError: they are not.
    """
    salt, raw = plaintext[:SALT_BYTES], plaintext[SALT_BYTES:]
    if payload_commitment(salt, raw) != envelope.payload:
        raise BadRecordError("the payload is not the one that the envelope commits to")
    try:
        return salt, _decode_payload(raw)
    except msgspec.MsgspecError as error:
        raise BadRecordError("the payload does not decode") from error


def _payload_of(draft: Draft) -> Payload:
    return Payload(
        actor=draft.actor,
        client=draft.client,
        on_behalf_of=draft.on_behalf_of,
        session=draft.session,
        approvers=draft.approvers,
        source_address=draft.source_address,
        agent=draft.agent,
        host=draft.host,
        trace=draft.trace,
        reason_code=draft.reason_code,
        ticket=draft.ticket,
        justification=draft.justification,
        query=draft.query,
        signal=draft.signal,
        counts=draft.counts,
        rows=draft.rows,
    )


def _sets_of(draft: Draft, salt: bytes) -> tuple[dict[Role, SetRoot], list[StoredPart]]:
    roots: dict[Role, SetRoot] = {}
    stored: list[StoredPart] = []
    if draft.returned is draft.withheld is draft.incidental is None:
        return roots, stored
    sets = (draft.returned, draft.withheld, draft.incidental)
    for role, ordinals in zip(_ROLES, sets, strict=True):
        if ordinals is None:
            continue
        parts = split(ordinals)
        roots[role] = commit(parts, set_salt(salt, role))
        stored += [StoredPart(p.number, role.code, pack(p.lows)) for p in parts]
    return roots, stored


def _rounded(count: int) -> Rounded:
    if _FEW <= count <= _MAX_INTEGER or count == 0:
        return count
    if 0 < count < _FEW:
        return "<10"
    raise BadRecordError(_OUTSIDE)
