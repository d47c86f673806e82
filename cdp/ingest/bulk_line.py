"""One line of an import, read: about whom, what was decided, when, and by what proof.

- A line says grant or deny by purpose, or brings the raw form of a consent standard.
- It is taken whole or not at all. What is wrong with it is a ``Fault``: the line, a
  field of ours and a closed code, never a word of the file.
- A time has a zone. Without one a clock of another place could pass a grant for later
  than it was, and later is longer.
- What is kept sealed holds the statement and not the identifier: its SHA-256 stands in
  the clear, and a digest of an identifier without a key is a riddle of minutes.

Pure: no file, no clock, no key.

Source: house page on consent, sections 1 and 6 (rank 6);
docs/decisions/0084-imports.md.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from cdp.consent import (
    Dated,
    Kind,
    Method,
    Said,
    Standard,
    Verdicts,
    statements_of,
)
from cdp.gate import PolicyInForce
from cdp.identity import Dropped, Normalized, normalize
from cdp.ingest.prepare import UNKNOWN_PLACE
from cdp.policy import looks_like_rrn

Word: TypeAlias = Annotated[
    str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
]

# A raw form that is read and says nothing: a banner that nobody answered yet.
SILENT: Final = "import.silent"
# A grant that opens less than it names: its notice does not cover the rest there.
UNCOVERED: Final = "import.uncovered"

_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RRN_DIGITS: Final = 13


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one line. ``field`` is empty where it is the line itself."""

    line: int
    field: str
    code: str


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line as its file spells it.

    Args:
        source: the sender under whose rules a short device id was taken, if any.
        region: the country of a phone number without ``+``, as ISO 3166.
        standard: the name of a consent standard; ``signal`` is its raw form.
        form: the screen or form by which the person was asked.
        method: by what lawful means, one of PIPA decree Art. 17(2).
    """

    namespace: str
    value: str | int
    decided_at: str
    purposes: dict[str, Literal["grant", "deny"]] | None = None
    standard: Standard | None = None
    signal: Any = None
    jurisdiction: str | None = None
    notice: Word | None = None
    form: Word | None = None
    method: Method | None = None
    region: str | None = None
    source: str = ""

    def __repr__(self) -> str:
        return f"Line({self.namespace!r})"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says of a whole file.

    Args:
        basis: the legal basis of taking it over, in words.
        operator: who answers for it.
        jurisdiction: of lines that name none; None means that of nobody in particular.
        notice: of lines that name none.
    """

    basis: str
    operator: str
    jurisdiction: str | None = None
    notice: str | None = None


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a line says: a GPP string may bring an opt-out beside its own.

    ``dated`` is when the raw form itself says it was decided.
    """

    verdicts: Verdicts
    kind: Kind = Kind.CHOICE
    dated: Dated | None = None
    notice: str | None = None


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was read.

    Args:
        statements: none where the raw form says nothing.
        remarks: codes of what was read over.
    """

    identifier: Normalized
    statements: tuple[Statement, ...]
    raw: bytes
    place: str
    decided_at: datetime
    form: str | None
    method: Method | None
    remarks: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Imported({self.identifier!r})"


_FIELDS: Final[dict[str, Any]] = {
    field.encode_name: field.type for field in msgspec.structs.fields(Line)
}
_REQUIRED: Final = ("namespace", "value", "decided_at")
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def diagnose(number: int, given: object) -> Fault:
    """Say why ``given`` is no ``Line``, in words of ours."""
    if not isinstance(given, dict):
        return Fault(line=number, field="", code="import.not_object")
    if not given.keys() <= _FIELDS.keys():
        # The name of a field that we do not know may be anybody's anything.
        return Fault(line=number, field="", code="import.unknown_field")
    for name in _REQUIRED:
        if given.get(name) is None:
            return Fault(line=number, field=name, code="import.missing")
    for name, kind in _FIELDS.items():
        if name not in given:
            continue
        try:
            msgspec.convert(given[name], kind)
        except msgspec.ValidationError:
            code = "import.verdict" if name == "purposes" else "import.type"
            return Fault(line=number, field=name, code=code)
    return Fault(line=number, field="", code="import.type")


class LineReader:
    """Reads the lines of one file.

    Args:
        now: the instant of the import; nothing was decided after it.
    """

    def __init__(self, in_force: PolicyInForce, terms: Terms, now: datetime) -> None:
        self._rules = in_force.consent
        self._identity = in_force.identity
        self._purposes = set(in_force.policy.purposes) & set(in_force.bits)
        self._places = set(in_force.policy.jurisdictions)
        self._terms = terms
        self._now = now
        self._coverage: dict[tuple[str | None, str], int] = {}

    def read(self, number: int, line: Line) -> Imported | Fault:
        """Read one line, or say what is wrong with it."""
        place = line.jurisdiction or self._terms.jurisdiction or UNKNOWN_PLACE
        if place not in self._places:
            return _fault(number, "jurisdiction", "import.jurisdiction")
        decided = self._decided(number, line)
        if isinstance(decided, Fault):
            return decided
        identifier = self._identifier(number, line)
        if isinstance(identifier, Fault):
            return identifier
        said = self._said(number, line, place)
        if isinstance(said, Fault):
            return said
        statements, remarks = said
        lacking = self._lacking(number, line, place, statements)
        if lacking is not None:
            return lacking
        if any(
            one.verdicts.grants & ~self._covered(one.notice, place)
            for one in statements
        ):
            remarks = (*remarks, UNCOVERED)
        return Imported(
            identifier=identifier,
            statements=statements,
            raw=_raw(line, place, decided, line.notice or self._terms.notice),
            place=place,
            decided_at=decided,
            form=line.form,
            method=line.method,
            remarks=remarks,
        )

    def _decided(self, number: int, line: Line) -> datetime | Fault:
        try:
            given = datetime.fromisoformat(line.decided_at.strip())
            instant = given.astimezone(UTC)
        except (ValueError, OverflowError):
            return _fault(number, "decided_at", "import.instant")
        if given.tzinfo is None:
            return _fault(number, "decided_at", "import.zone")
        if instant < _EARLIEST:
            return _fault(number, "decided_at", "import.instant")
        if instant > self._now:
            return _fault(number, "decided_at", "import.future")
        return instant

    def _identifier(self, number: int, line: Line) -> Normalized | Fault:
        text = str(line.value)
        if looks_like_rrn(text) or (
            isinstance(line.value, int) and looks_like_rrn(text.zfill(_RRN_DIGITS))
        ):
            return _fault(number, "value", "import.registration_number")
        form = normalize(
            line.namespace,
            line.value,
            self._identity,
            source=line.source,
            region=line.region,
        )
        match form:
            case Normalized():
                return form
            case Dropped(rule="unknown_namespace"):
                return _fault(number, "namespace", "import.namespace")
            case Dropped():
                return _fault(number, "value", f"identifier.{form.rule}")

    def _said(
        self, number: int, line: Line, place: str
    ) -> tuple[tuple[Statement, ...], tuple[str, ...]] | Fault:
        if line.purposes is not None:
            if line.standard is not None:
                return _fault(number, "purposes", "import.statement")
            verdicts = self._verdicts(number, line.purposes)
            if isinstance(verdicts, Fault):
                return verdicts
            notice = line.notice or self._terms.notice
            return (Statement(verdicts=verdicts, notice=notice),), ()
        if line.standard is None:
            return _fault(number, "purposes", "import.statement")
        if line.signal is None:
            return _fault(number, "signal", "import.missing")
        found = statements_of(
            line.standard,
            line.signal,
            rules=self._rules,
            place=place,
            received_at=self._now,
        )
        for said in found:
            if said.reading.problem is not None:
                return _fault(number, "signal", said.reading.problem)
        remarks = tuple(code for said in found for code in said.codes)
        kept = [said for said in found if not said.reading.is_silent]
        if not kept:
            return (), (*remarks, SILENT)
        return tuple(self._statement(line, said) for said in kept), remarks

    def _statement(self, line: Line, said: Said) -> Statement:
        verdicts = said.reading.verdicts
        return Statement(
            # As the ledger will hold it: a denial beats a grant of the same statement.
            verdicts=msgspec.structs.replace(
                verdicts, grants=verdicts.grants & ~verdicts.denies
            ),
            kind=said.kind,
            dated=said.dated,
            notice=line.notice or said.reading.notice or self._terms.notice,
        )

    def _lacking(
        self, number: int, line: Line, place: str, said: Iterable[Statement]
    ) -> Fault | None:
        """Say what a grant lacks; a denial lacks nothing (R18)."""
        rules = self._rules
        for one in said:
            grants, notice = one.verdicts.grants, one.notice
            if not grants:
                continue
            # Where the policy has no notices, that of a standard is but a label.
            is_label = line.standard is not None and not rules.notices
            if notice is not None and not is_label and notice not in rules.notices:
                return _fault(number, "notice", "import.notice")
            if line.purposes is None:
                continue
            if not grants & self._covered(notice, place):
                return _fault(number, "notice", "import.notice")
            if rules.bundled((place,), grants):
                return _fault(number, "purposes", "import.bundled")
        return None

    def _covered(self, notice: str | None, place: str) -> int:
        """Return the scopes that a grant under ``notice`` opens there, as a mask."""
        found = self._coverage.get((notice, place))
        if found is None:
            found = self._rules.covered(notice, (place,))
            self._coverage[notice, place] = found
        return found

    def _verdicts(self, number: int, said: Mapping[str, str]) -> Verdicts | Fault:
        if not said:
            return _fault(number, "purposes", "import.statement")
        if not said.keys() <= self._purposes:
            return _fault(number, "purposes", "import.purpose")
        masks = {"grant": 0, "deny": 0}
        for purpose, verdict in said.items():
            masks[verdict] |= self._rules.purpose_masks[purpose]
        return Verdicts(grants=masks["grant"], denies=masks["deny"])


def _raw(line: Line, place: str, decided: datetime, notice: str | None) -> bytes:
    """Return the statement without its identifier; equal statements, equal bytes.

    Args:
        notice: that of the line, or of the terms.
    """
    said: dict[str, object] = {"decided_at": decided, "jurisdiction": place}
    given = {
        "purposes": line.purposes,
        "standard": line.standard,
        "signal": line.signal,
        "notice": notice,
        "form": line.form,
        "method": line.method,
    }
    said.update({key: value for key, value in given.items() if value is not None})
    return _encode(said)


def _fault(number: int, field: str, code: str) -> Fault:
    return Fault(line=number, field=field, code=code)
