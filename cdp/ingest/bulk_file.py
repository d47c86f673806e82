"""The files of an import: NDJSON, CSV, Parquet. Here alone is one opened.

- A file is read line by line: memory does not grow with it.
- A byte order mark, CRLF and blank lines are read over.
- CSV has a header; a column ``purposes.<key>`` holds grant, deny or nothing. An empty
  cell says nothing.
- What cannot be read is a ``Fault`` of its line; what makes the file none of these is
  an ``ImportRefusedError``, before any line is read.

Refuses: pipes, for a file is read twice; compressed files.

Source: RFC 4180; the NDJSON notes; docs/decisions/0084-imports.md.
"""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

import msgspec
import pyarrow.parquet

from cdp.ingest.bulk_line import Fault, Line, diagnose
from cdp.ingest.errors import ImportRefusedError

MAX_LINE_BYTES: Final = 256 * 1024

_BOM: Final = b"\xef\xbb\xbf"
_PURPOSES: Final = "purposes."
_PLAIN: Final = frozenset(Line.__struct_fields__) - {"purposes"}
_decode: Final = msgspec.json.Decoder(Line).decode
_decode_any: Final = msgspec.json.Decoder().decode

Read: TypeAlias = tuple[int, Line | Fault]


def read_lines(path: Path) -> Iterator[Read]:
    """Return the lines of a file with their numbers, from 1; blank ones are left out.

    Raises:
        ImportRefusedError: the file is of no format that can be imported.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ImportRefusedError(
            "an import is a file named .ndjson, .jsonl, .csv or .parquet"
        )
    if not path.is_file():
        raise ImportRefusedError("an import is read twice: name a file, not a pipe")
    return reader(path)


def _ndjson(path: Path) -> Iterator[Read]:
    with path.open("rb") as file:
        for number, raw in enumerate(_bounded(file), start=1):
            text = raw.removeprefix(_BOM) if number == 1 else raw
            if len(raw) > MAX_LINE_BYTES:
                yield number, Fault(line=number, field="", code="import.too_long")
            elif text.strip():
                yield number, _parse(number, text)


def _bounded(file: BinaryIO) -> Iterator[bytes]:
    """Return lines, each cut where it is longer than any may be."""
    while raw := file.readline(MAX_LINE_BYTES + 1):
        rest = raw
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES + 1)
        yield raw


def _parse(number: int, text: bytes) -> Line | Fault:
    try:
        line = _decode(text)
        # Of a key that stands twice the last would count, and may take a denial back.
        json.loads(text, object_pairs_hook=_once)
    except msgspec.ValidationError:
        return diagnose(number, _decode_any(text))
    except UnicodeDecodeError:
        return Fault(line=number, field="", code="import.encoding")
    except _TwiceError:
        return Fault(line=number, field="", code="import.duplicate_key")
    except (msgspec.DecodeError, RecursionError, ValueError):
        return Fault(line=number, field="", code="import.not_json")
    return line


class _TwiceError(ValueError):
    """A key stands twice in one object."""


def _once(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _TwiceError


def _csv(path: Path) -> Iterator[Read]:
    # What is not UTF-8 comes in as lone surrogates, so that it is told by its line.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file, strict=True)
        columns: list[str] = []
        try:
            for row in rows:
                if not columns:
                    columns = _columns(row)
                elif any(row):
                    yield rows.line_num, _row(rows.line_num, row, columns)
        except csv.Error as error:
            # Where a quote was left open nobody knows where the next line begins.
            raise ImportRefusedError(
                f"line {rows.line_num} is no CSV, and nothing after it can be read"
            ) from error


def _columns(header: list[str]) -> list[str]:
    columns = [name.strip() for name in header]
    known = [name in _PLAIN or name.startswith(_PURPOSES) for name in columns]
    if not all(known):
        raise ImportRefusedError(
            f"column {known.index(False) + 1} of the header is none that an import has"
        )
    if len(set(columns)) < len(columns):
        raise ImportRefusedError("the header names a column twice")
    return columns


def _row(number: int, row: list[str], columns: list[str]) -> Line | Fault:
    if len(row) != len(columns):
        return Fault(line=number, field="", code="import.columns")
    given: dict[str, object] = {}
    said: dict[str, str] = {}
    for name, cell in zip(columns, row, strict=True):
        if not cell:
            continue
        if not _is_text(cell):
            return Fault(line=number, field="", code="import.encoding")
        if name.startswith(_PURPOSES):
            said[name.removeprefix(_PURPOSES)] = cell.strip()
        elif name == "signal":
            given[name] = _signal(cell)
        else:
            given[name] = cell
    if said:
        given["purposes"] = said
    return _convert(number, given)


def _is_text(cell: str) -> bool:
    return cell.isascii() or not any("\ud800" <= char <= "\udfff" for char in cell)


def _signal(cell: str) -> object:
    """Return what a cell spells: JSON where a standard has it, a string as it is."""
    if cell[:1] not in ("{", "["):
        return cell
    try:
        return _decode_any(cell)
    except (msgspec.DecodeError, RecursionError):
        return cell


def _convert(number: int, given: dict[str, object]) -> Line | Fault:
    try:
        return msgspec.convert(given, Line)
    except msgspec.ValidationError:
        return diagnose(number, given)


def _parquet(path: Path) -> Iterator[Read]:
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ImportRefusedError("the file is no Parquet file") from error
    with file:
        columns = _columns(file.schema_arrow.names)
        number = 0
        for batch in file.iter_batches(batch_size=4096):
            for record in batch.to_pylist():
                number += 1
                yield number, _record(number, record, columns)


def _record(number: int, record: dict[str, object], columns: list[str]) -> Line | Fault:
    cells = ["" if record[name] is None else str(record[name]) for name in columns]
    return _row(number, cells, columns)


_READERS: Final[dict[str, Callable[[Path], Iterator[Read]]]] = {
    ".ndjson": _ndjson,
    ".jsonl": _ndjson,
    ".csv": _csv,
    ".parquet": _parquet,
}
