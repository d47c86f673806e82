"""The Segment format: one item by its route, or a batch.

- The envelope decodes with its items still raw; then each item alone, so that a wrong
  type or broken UTF-8 in one stays there.
- ``null`` is absent: the Python clients send ``"anonymousId": null`` on every event.
- A batch's ``context`` and ``integrations`` merge under the item's own, key by key at
  the
  top level; ``context.consent`` is taken whole from one place.
- The path gives the type of a single item; another ``type`` in its body is refused.

Source: the public Segment HTTP tracking API; the house page on the wire, sections 2 to
9.
"""

import hashlib
from datetime import datetime
from typing import Any, Final, cast, get_args
from uuid import UUID

import msgspec

from cdp.ingest.body import bound_numbers, check_depth, repair
from cdp.ingest.errors import (
    InvalidEnvelopeError,
    InvalidJSONError,
    TooManyEventsError,
)
from cdp.ingest.event import Event, Item, Kind, Refused
from cdp.ingest.times import happened, parse_instant

MAX_EVENTS: Final = 2_500
MAX_EVENT_BYTES: Final = 32 * 1024
MAX_MESSAGE_ID_BYTES: Final = 256
MAX_NAME: Final = 200  # characters

CONSENT_EVENT: Final = "Segment Consent Preference Updated"

_KINDS: Final = frozenset(get_args(Kind)) - {"consent"}


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A request's items, still raw, and what it says for all of them."""

    items: list[msgspec.Raw]
    kind: str | None
    write_keys: tuple[object, ...]
    sent_at: object
    context: dict[str, Any]


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]
    writeKey: Any = None  # noqa: N815 - the names are the format's
    api_key: Any = None
    sentAt: Any = None  # noqa: N815
    context: Any = None


class _Single(msgspec.Struct):
    writeKey: Any = None  # noqa: N815
    api_key: Any = None
    sentAt: Any = None  # noqa: N815


_batch = msgspec.json.Decoder(_Batch)
_single = msgspec.json.Decoder(_Single)
_any = msgspec.json.Decoder()


def open_batch(body: bytes) -> Envelope:
    """Decode ``{"batch": [...]}``.

    Raises:
        InvalidJSONError, InvalidEnvelopeError, TooDeepError, TooManyEventsError
    """
    found = _decode(_batch, body)
    if len(found.batch) > MAX_EVENTS:
        raise TooManyEventsError(f"a request carries at most {MAX_EVENTS} events")
    return Envelope(
        items=found.batch,
        kind=None,
        write_keys=(found.writeKey, found.api_key),
        sent_at=found.sentAt,
        context=found.context if isinstance(found.context, dict) else {},
    )


def open_single(body: bytes, kind: str) -> Envelope:
    """Take the whole body as one item of ``kind``; errors as ``open_batch``."""
    found, mended = _decode_mended(_single, body)
    return Envelope(
        items=[msgspec.Raw(mended)],
        kind=kind,
        write_keys=(found.writeKey, found.api_key),
        sent_at=found.sentAt,
        context={},
    )


def _decode(decoder: "msgspec.json.Decoder[_Batch]", body: bytes) -> _Batch:
    return cast("_Batch", _decode_mended(decoder, body)[0])


def _decode_mended(
    decoder: "msgspec.json.Decoder[Any]", body: bytes
) -> tuple[Any, bytes]:
    # Broken UTF-8 inside a string is no MsgspecError with this library.
    check_depth(body)
    try:
        return decoder.decode(body), body
    except msgspec.ValidationError as error:
        raise InvalidEnvelopeError(
            "the body has another shape than this route"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = repair(body)
    try:
        return decoder.decode(mended), mended
    except msgspec.ValidationError as error:
        raise InvalidEnvelopeError(
            "the body has another shape than this route"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJSONError("the body is not JSON") from error


def read_items(envelope: Envelope, received: datetime) -> list[Item]:
    """Read every item by itself, in order.

    Args:
        envelope: what ``open_batch`` or ``open_single`` returned.
        received: our clock when the request was in.
    """
    sent = parse_instant(envelope.sent_at)
    return [
        _read(index, bytes(raw), envelope, sent, received)
        for index, raw in enumerate(envelope.items)
    ]


def _read(
    index: int,
    raw: bytes,
    envelope: Envelope,
    sent: datetime | None,
    received: datetime,
) -> Item:
    message_id = ""

    def refused(code: str, message: str, path: str = "") -> Refused:
        return Refused(
            index=index,
            message_id=message_id,
            code=f"ingest.{code}",
            path=path,
            message=message,
        )

    if len(raw) > MAX_EVENT_BYTES:
        return refused(
            "event_too_large", f"an event holds at most {MAX_EVENT_BYTES} bytes"
        )
    try:
        item = _item(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return refused("invalid_utf8", "the event is not UTF-8")
    if not isinstance(item, dict):
        return refused("not_an_object", "an event is a JSON object")
    if b"\\u0000" in raw:
        item = _without_nul(item)
    message_id = _message_id(item, raw)
    kind = _kind(item, envelope.kind)
    if kind is None:
        return refused("unknown_type", "the type is not one this route takes", "/type")
    context = _context(item, envelope)
    missing = _missing(item, kind, context)
    if missing is not None:
        return refused(*missing)
    own_sent = parse_instant(item.get("sentAt")) or sent
    stated = item.get("originalTimestamp")
    occurred, flag = happened(
        stated if stated is not None else item.get("timestamp"), own_sent, received
    )
    name = item.get("event") if kind == "track" else item.get("name")
    return Event(
        index=index,
        message_id=message_id,
        kind="consent" if name == CONSENT_EVENT and kind == "track" else kind,
        name=name[:MAX_NAME] if isinstance(name, str) else None,
        occurred_at=occurred,
        sent_at=own_sent,
        time_flag=flag,
        item=item,
        consent=context.get("consent"),
        consent_management=context.get("consentManagement"),
        previous=_text(item.get("previousId")),
        content=_content(item, raw),
    )


def _item(raw: bytes) -> Any:
    try:
        return _any.decode(raw)
    except msgspec.ValidationError:
        # JSON, but for a number that is too large to be one here: that field is absent.
        return _any.decode(bound_numbers(raw))


def _message_id(item: dict[str, Any], raw: bytes) -> str:
    found = item.get("messageId")
    if isinstance(found, str) and 0 < len(found.encode()) <= MAX_MESSAGE_ID_BYTES:
        return found
    return hashlib.sha256(raw).hexdigest()


def _kind(item: dict[str, Any], by_path: str | None) -> Kind | None:
    stated = item.get("type")
    if by_path is not None:
        if stated is not None and stated != by_path:
            return None
        stated = by_path
    if isinstance(stated, str) and stated in _KINDS:
        return cast("Kind", stated)
    return None


def _context(item: dict[str, Any], envelope: Envelope) -> dict[str, Any]:
    own = item.get("context")
    context = own if isinstance(own, dict) else {}
    if envelope.context:
        context = {**envelope.context, **context}
    item["context"] = context
    return context


def _missing(
    item: dict[str, Any], kind: Kind, context: dict[str, Any]
) -> tuple[str, str, str] | None:
    match kind:
        case "track":
            name = item.get("event")
            if not isinstance(name, str) or not name.strip():
                return "missing_event", "a track event names its event", "/event"
            if name == CONSENT_EVENT and _says_nothing(context):
                return (
                    "missing_consent",
                    "a consent change carries its consent object",
                    "/context/consent",
                )
        case "group":
            if _text(item.get("groupId")) is None:
                return "missing_group", "a group event names its group", "/groupId"
        case "alias":
            if _text(item.get("previousId")) is None:
                return "missing_alias", "an alias has two sides", "/previousId"
            if _text(item.get("userId")) is None:
                return "missing_alias", "an alias has two sides", "/userId"
        case _:
            pass
    return None


def _says_nothing(context: dict[str, Any]) -> bool:
    return context.get("consent") is None and context.get("consentManagement") is None


def _text(value: object) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def _content(item: dict[str, Any], raw: bytes) -> bytes:
    # A client that repeats a request stamps it anew; the event is still the same.
    if b'"sentAt"' not in raw:
        return raw
    return msgspec.json.encode({k: v for k, v in item.items() if k != "sentAt"})


def _without_nul(value: Any) -> Any:
    # PostgreSQL text cannot hold U+0000.
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {key.replace("\0", ""): _without_nul(v) for key, v in value.items()}
        case list():
            return [_without_nul(item) for item in value]
        case _:
            return value


def is_uuid_shaped(value: str) -> bool:
    """Whether ``value`` is spelled as a UUID, as client-made anonymous ids are."""
    try:
        UUID(value)
    except ValueError:
        return False
    return True
