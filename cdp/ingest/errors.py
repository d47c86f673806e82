"""What a whole request can be refused for, and what a single event can.

A request error is an exception: nothing of the request is kept, and the answer has a
status. An event's refusal is a value (``Refused``): the rest of its batch goes on.
An import is refused as a file; a bad line of it is a value (``Fault``).

Source: the house page on the wire, sections 5 and 13; codes are stable and public.
"""

from typing import ClassVar

from cdp.kernel import CdpError


class RequestRefusedError(CdpError):
    """The request as a whole cannot be taken; nothing of it was kept."""

    code: ClassVar[str] = "ingest.refused"


class KeyUnknownError(RequestRefusedError):
    """No write key, an unknown one, or a revoked one."""

    code: ClassVar[str] = "ingest.key_unknown"


class KeyConflictError(RequestRefusedError):
    """Two different write keys in one request, or a server key from a browser."""

    code: ClassVar[str] = "ingest.key_conflict"


class OriginNotAllowedError(RequestRefusedError):
    """A browser of an origin that the source does not list."""

    code: ClassVar[str] = "ingest.origin_not_allowed"


class SlowBodyError(RequestRefusedError):
    """The body was not all there in time."""

    code: ClassVar[str] = "ingest.timeout"


class BadEncodingError(RequestRefusedError):
    """The compressed body is cut or corrupt."""

    code: ClassVar[str] = "ingest.bad_encoding"


class UnsupportedEncodingError(RequestRefusedError):
    """A content encoding that is not gzip."""

    code: ClassVar[str] = "ingest.unsupported_encoding"


class InvalidJSONError(RequestRefusedError):
    """The body is not JSON, also after the repair pass."""

    code: ClassVar[str] = "ingest.invalid_json"


class InvalidEnvelopeError(RequestRefusedError):
    """The body is JSON of another shape than the route takes."""

    code: ClassVar[str] = "ingest.invalid_envelope"


class TooDeepError(RequestRefusedError):
    """The body nests deeper than 64 levels."""

    code: ClassVar[str] = "ingest.too_deep"


class BodyTooLargeError(RequestRefusedError):
    """The body is over the limit, as sent or inflated."""

    code: ClassVar[str] = "ingest.body_too_large"


class TooManyEventsError(RequestRefusedError):
    """More events than one request may carry."""

    code: ClassVar[str] = "ingest.too_many_events"


class ImportRefusedError(CdpError):
    """A file of consent, or what was said of it, cannot be imported.

    From the check of a file nothing was written; once writing began, the batches that
    were done are kept, and the same command goes on from there.
    """

    code: ClassVar[str] = "consent.import"


class DecisionRefusedError(CdpError):
    """The decision cannot be taken down; nothing was kept."""

    code: ClassVar[str] = "consent.invalid"


class UnknownPurposeError(DecisionRefusedError):
    """A purpose that the policy in force does not have."""

    code: ClassVar[str] = "consent.unknown_purpose"


class FutureDecisionError(DecisionRefusedError):
    """A decision that, by its own date, has not been made yet."""

    code: ClassVar[str] = "consent.future"


class BundledConsentError(DecisionRefusedError):
    """Consents that the law wants taken one by one, given by one signal (K3)."""

    code: ClassVar[str] = "consent.bundled"


class GuardianUnverifiedError(DecisionRefusedError):
    """A guardian's grant, and nothing that shows that it is the guardian (R13)."""

    code: ClassVar[str] = "consent.guardian_unverified"


class UnknownNoticeError(DecisionRefusedError):
    """A grant under a text that the policy does not have (R17)."""

    code: ClassVar[str] = "consent.unknown_notice"
