"""An import is checked whole, written in whole batches, and can be run again."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdp.audit import AuditFilter, Kind
from cdp.gate import check_relation
from cdp.ingest import (
    BulkImport,
    Checked,
    Fault,
    ImportRefusedError,
    ImportTerms,
    Written,
)
from cdp.kernel import FixedClock
from tests.consent import gpp_encoder as encoder
from tests.support.house import House, order

COOKIE = "0a1b2c3d-0000-4000-8000-00000000abcd"
TERMS = ImportTerms(
    basis="PIPA 22, forms of 2024",
    operator="kim",
    jurisdiction="KR",
    notice="banner-1",
)
DECIDED = "2026-11-01T09:00:00+09:00"


def line(value: object = "u1", **more: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "namespace": "user_id",
        "value": value,
        "decided_at": DECIDED,
        "purposes": {"segmentation": "grant"},
    }
    return {key: it for key, it in (plain | more).items() if it is not None}


def ndjson(path: Path, lines: Sequence[Mapping[str, object] | bytes]) -> Path:
    path.write_bytes(
        b"".join(
            (it if isinstance(it, bytes) else json.dumps(it).encode()) + b"\n"
            for it in lines
        )
    )
    return path


def bulk_of(house: House, batch_lines: int = 100) -> BulkImport:
    core = house.core
    return BulkImport(
        in_force=core.in_force,
        log=core.log,
        ring=core.ring,
        writer=house.service.writer,
        clock=core.clock,
        batch_lines=batch_lines,
    )


def checked(
    house: House, path: Path, terms: ImportTerms = TERMS
) -> tuple[Checked, list[Fault]]:
    faults: list[Fault] = []
    found = bulk_of(house).check(
        path, terms, on_fault=faults.append, progress=lambda _done: None
    )
    return found, faults


def written(
    house: House,
    path: Path,
    terms: ImportTerms = TERMS,
    *,
    batch_lines: int = 100,
    skip_bad: bool = False,
) -> Written:
    return bulk_of(house, batch_lines).write(
        path, terms, skip_bad=skip_bad, progress=lambda _done: None
    )


def granted(house: House, purpose: str) -> int:
    bit = house.core.in_force.bits[purpose]
    rows = house.rows("SELECT scope FROM consent_effective WHERE granted")
    return rows.count((bit,))


def signals(house: House) -> int:
    [(count,)] = house.rows("SELECT count(*) FROM consent_signal")
    return int(count)


def agrees(house: House) -> bool:
    core = house.core
    with core.database.snapshot() as connection:
        found = check_relation(
            connection,
            rules=core.in_force,
            log=core.log,
            now=core.clock.now(),
            progress=lambda _done, _of: None,
        )
    return not found.drifts


def test_what_was_imported_counts_at_rank_six_with_its_basis(
    house: House, tmp_path: Path
) -> None:
    file = ndjson(
        tmp_path / "old.ndjson",
        [
            line("u1", form="join-3", method="website"),
            line("u2", purposes={"segmentation": "deny"}),
        ],
    )
    assert checked(house, file)[0] == Checked(lines=2, good=2, faults={}, remarks={})
    done = written(house, file)
    assert (done.appended, done.repeated, done.people) == (2, 0, 2)
    assert granted(house, "segmentation") == 1
    rows = house.rows(
        "SELECT carrier, rank, actor, ground, form, method, jurisdiction"
        " FROM consent_signal ORDER BY seq"
    )
    basis = TERMS.basis
    assert rows == [
        ("import", 6, "migration", basis, "join-3", "website", "KR"),
        ("import", 6, "migration", basis, None, None, "KR"),
    ]
    assert agrees(house)


def test_an_import_is_sealed_and_holds_no_identifier(
    house: House, tmp_path: Path
) -> None:
    written(house, ndjson(tmp_path / "old.ndjson", [line("member-4711")]))
    core = house.core
    [(raw, sha256)] = house.rows("SELECT raw, sha256 FROM consent_signal")
    statement = core.ring.unseal("consent.raw", bytes(raw), bytes(sha256))
    assert json.loads(statement)["purposes"] == {"segmentation": "grant"}
    assert b"4711" not in statement
    assert b"segmentation" not in bytes(raw)


@pytest.mark.parametrize("batch_lines", [1, 2, 100])
def test_a_second_run_appends_nothing(
    house: House, tmp_path: Path, batch_lines: int
) -> None:
    # A person who said no, yes and no again: the newest content is not what tells a
    # repeat.
    said = ["deny", "grant", "deny"]
    history = [
        line(decided_at=f"2026-11-0{day}T00:00:00Z", purposes={"segmentation": it})
        for day, it in enumerate(said, start=1)
    ]
    file = ndjson(tmp_path / "old.ndjson", [*history, line("u2"), line("u2")])
    first = written(house, file, batch_lines=batch_lines)
    assert (first.appended, first.repeated) == (4, 1)
    before = house.rows("SELECT * FROM consent_effective ORDER BY handle, scope")
    cast("FixedClock", house.clock).advance(timedelta(days=1))
    again = written(house, file, batch_lines=batch_lines)
    assert (again.appended, again.repeated, again.people) == (0, 5, 0)
    assert signals(house) == 4
    after = house.rows("SELECT * FROM consent_effective ORDER BY handle, scope")
    assert after == before


@pytest.mark.parametrize(
    ("said", "expected"),
    [(["deny", "grant"], 1), (["grant", "deny"], 0), (["grant", "deny", "grant"], 1)],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_history_comes_to_what_was_said_last(
    house: House, tmp_path: Path, said: list[str], expected: int, backwards: bool
) -> None:
    lines = [
        line(decided_at=f"2026-11-0{day}T00:00:00Z", purposes={"segmentation": it})
        for day, it in enumerate(said, start=1)
    ]
    written(house, ndjson(tmp_path / "a.ndjson", lines[:: -1 if backwards else 1]))
    assert granted(house, "segmentation") == expected


def test_an_import_never_overturns_a_better_denial(
    house: House, tmp_path: Path
) -> None:
    no = {"Functional": True, "Analytics": True, "Advertising": False}
    house.post("shop", [order("m1", user="u1", preferences=no)])
    later = "2026-11-25T11:30:00Z"
    written(house, ndjson(tmp_path / "a.ndjson", [line(decided_at=later)]))
    assert granted(house, "segmentation") == 0


def test_an_old_denial_does_not_undo_what_the_person_said_since(
    house: House, tmp_path: Path
) -> None:
    house.post("shop", [order("m1", user="u1")])
    assert granted(house, "segmentation") == 1
    no = {"segmentation": "deny"}
    written(house, ndjson(tmp_path / "a.ndjson", [line(purposes=no)]))
    assert granted(house, "segmentation") == 1
    today = line(purposes=no, decided_at="2026-11-25T11:59:00Z")
    written(house, ndjson(tmp_path / "b.ndjson", [today]))
    assert granted(house, "segmentation") == 0


def test_an_imported_denial_of_linking_takes_the_person_apart(
    house: House, tmp_path: Path
) -> None:
    house.post("shop", [order("m1", user="u1", cookie=COOKIE)])
    no = line(purposes={"linking": "deny"}, decided_at="2026-11-25T11:59:00Z")
    written(house, ndjson(tmp_path / "a.ndjson", [no]))
    rows = house.rows("SELECT DISTINCT profile_id FROM member WHERE to_seq IS NULL")
    assert len(rows) == 2
    assert agrees(house)


def test_each_batch_is_a_record_with_its_people_and_its_basis(
    house: House, tmp_path: Path
) -> None:
    file = ndjson(tmp_path / "a.ndjson", [line(f"u{n}") for n in range(25)])
    assert written(house, file, batch_lines=20).batches == 2
    core = house.core
    core.publish()
    with core.database.snapshot() as connection:
        page = core.log.query(
            connection,
            AuditFilter(kind=Kind.CONSENT_CHANGE),
            open_payload=True,
        )
    payloads = [hit.payload for hit in page.records]
    assert sorted(it.counts["lines.appended"] for it in payloads if it) == [5, 20]
    assert {(it.actor, it.justification) for it in payloads if it} == {
        (TERMS.operator, TERMS.basis)
    }
    assert all(hit.envelope.returned is not None for hit in page.records)


# What is wrong with a line.

BAD: list[tuple[object, str, str]] = [
    (b"{", "", "import.not_json"),
    (b'{"namespace": "user_id", "value": "\xff"}', "", "import.encoding"),
    (
        b'{"namespace": "user_id", "value": "u1", "decided_at": "2026-01-01T00:00:00Z",'
        b' "purposes": {"segmentation": "deny", "segmentation": "grant"}}',
        "",
        "import.duplicate_key",
    ),
    (b"[1]", "", "import.not_object"),
    (b'"u1"', "", "import.not_object"),
    (b"{" + b" " * 300_000 + b"}", "", "import.too_long"),
    (line(colour="blue"), "", "import.unknown_field"),
    (line(namespace=None), "namespace", "import.missing"),
    (line(None), "value", "import.missing"),
    (line(decided_at=None), "decided_at", "import.missing"),
    (line(1.5), "value", "import.type"),
    (line(decided_at=1_700_000_000), "decided_at", "import.type"),
    (line(purposes=["segmentation"]), "purposes", "import.verdict"),
    (line(purposes={"segmentation": "maybe"}), "purposes", "import.verdict"),
    (line(purposes={"segmentation": True}), "purposes", "import.verdict"),
    (line(purposes={}), "purposes", "import.statement"),
    (line(purposes=None), "purposes", "import.statement"),
    (line(standard="gpc", signal="1"), "purposes", "import.statement"),
    (line(purposes={"world_domination": "grant"}), "purposes", "import.purpose"),
    (line(namespace="shoe"), "namespace", "import.namespace"),
    (line("undefined"), "value", "identifier.blocked"),
    (line("not an address", namespace="email"), "value", "identifier.malformed"),
    (line("010-1234-5678", namespace="phone"), "value", "identifier.malformed"),
    (line("900101-1234567"), "value", "import.registration_number"),
    (line(9001011234567), "value", "import.registration_number"),
    (line(decided_at="yesterday"), "decided_at", "import.instant"),
    (line(decided_at="1969-12-31T00:00:00Z"), "decided_at", "import.instant"),
    (line(decided_at="0001-01-01T00:00:00+14:00"), "decided_at", "import.instant"),
    (line(decided_at="2026-11-01T09:00:00"), "decided_at", "import.zone"),
    (line(decided_at="2026-11-01"), "decided_at", "import.zone"),
    (line(decided_at="2026-11-25T12:00:01Z"), "decided_at", "import.future"),
    (line(jurisdiction="Atlantis"), "jurisdiction", "import.jurisdiction"),
    (line(method="shouting"), "method", "import.type"),
    (line(form="a\nb"), "form", "import.type"),
    (line(purposes=None, standard="smoke", signal="1"), "standard", "import.type"),
    (line(purposes=None, standard="gpc"), "signal", "import.missing"),
    (line(notice="banner-0"), "notice", "import.notice"),
    (line(purposes=None, standard="tcf", signal="C"), "signal", "tcf.truncated"),
    (
        line(purposes=None, standard="segment", signal={"categoryPreferences": 1}),
        "signal",
        "category.not_object",
    ),
]


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Any:
    house = House(tmp_path_factory.mktemp("still"))
    yield house
    house.close()


@pytest.mark.parametrize(("bad", "field", "code"), BAD)
def test_a_bad_line_is_told_by_its_number_field_and_code(
    still: House, tmp_path: Path, bad: Any, field: str, code: str
) -> None:
    file = ndjson(tmp_path / "a.ndjson", [line(), bad, line("u2")])
    found, faults = checked(still, file)
    assert faults == [Fault(line=2, field=field, code=code)]
    assert (found.lines, found.good, found.faults) == (3, 2, {code: 1})


def test_nothing_is_written_of_a_file_with_a_bad_line(
    house: House, tmp_path: Path
) -> None:
    file = ndjson(tmp_path / "a.ndjson", [line(f"u{n}") for n in range(5)] + [b"{"])
    with pytest.raises(ImportRefusedError, match="line 6 is bad"):
        written(house, file)
    assert signals(house) == 0


def test_bad_lines_can_be_left_out(house: House, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "a.ndjson", [line("u1"), b"{", line("u2")])
    done = written(house, file, skip_bad=True)
    assert (done.lines, done.appended, done.skipped, done.repeated) == (3, 2, 1, 0)
    assert granted(house, "segmentation") == 2


def test_a_raw_form_that_says_nothing_is_counted_and_not_kept(
    house: House, tmp_path: Path
) -> None:
    pending = {"eventType": "pending", "basisForProcessing": "consent"}
    unasked = line(purposes=None, standard="snowplow", signal=pending)
    file = ndjson(tmp_path / "a.ndjson", [unasked, line("u2")])
    assert checked(house, file)[0].remarks == {"import.silent": 1}
    done = written(house, file)
    assert (done.silent, done.appended, done.people) == (1, 1, 1)
    assert signals(house) == 1


def test_an_opt_out_beside_a_string_is_a_statement_of_its_own(
    house: House, tmp_path: Path
) -> None:
    california = encoder.nothing_said(8, SaleOptOut=1, Gpc=True)
    string = encoder.gpp({8: encoder.us_section(8, california)})
    told = line(purposes=None, standard="gpp", signal=string, jurisdiction="US-CA")
    file = ndjson(tmp_path / "a.ndjson", [told])
    done = written(house, file)
    assert (done.lines, done.appended, done.repeated) == (1, 1, 0)
    kinds = house.rows("SELECT kind, rank FROM consent_signal ORDER BY kind")
    assert kinds == [(0, 6), (1, 6)]
    assert granted(house, "segmentation") == 0
    assert written(house, file).repeated == 1
    assert signals(house) == 2


def test_a_grant_without_the_notice_that_the_law_wants_is_bad(
    still: House, tmp_path: Path
) -> None:
    file = ndjson(tmp_path / "a.ndjson", [line(), line("u2", jurisdiction="EU")])
    bare = ImportTerms(basis="x", operator="kim", jurisdiction="KR")
    found = checked(still, file, bare)[1]
    assert found == [Fault(line=1, field="notice", code="import.notice")]
    no = line(purposes={"segmentation": "deny"})
    assert not checked(still, ndjson(file, [no]), bare)[1]


def test_consents_that_the_law_wants_apart_are_lines_of_their_own(
    still: House, tmp_path: Path
) -> None:
    both = {"analytics": "grant", "segmentation": "grant"}
    file = ndjson(tmp_path / "a.ndjson", [line(purposes=both)])
    found = checked(still, file)[1]
    assert found == [Fault(line=1, field="purposes", code="import.bundled")]
    apart = [line(purposes={purpose: "grant"}) for purpose in both]
    assert not checked(still, ndjson(file, apart))[1]
    elsewhere = line(purposes=both, jurisdiction="EU")
    assert not checked(still, ndjson(file, [elsewhere]))[1]


def test_an_unknown_category_is_read_over_and_counted(
    still: House, tmp_path: Path
) -> None:
    preferences = {"categoryPreferences": {"Advertising": True, "Astrology": True}}
    other = line(purposes=None, standard="segment", signal=preferences)
    found, faults = checked(still, ndjson(tmp_path / "a.ndjson", [other]))
    assert (found.remarks, faults) == ({"category.unknown": 1}, [])


def test_a_file_that_changes_under_the_import_leaves_whole_batches(
    house: House, tmp_path: Path
) -> None:
    good = [line(f"u{n}") for n in range(10)]
    file = ndjson(tmp_path / "a.ndjson", good)
    assert not checked(house, file)[1]
    ndjson(file, [*good[:7], b"{"])
    with pytest.raises(ImportRefusedError, match="line 8 is bad now"):
        written(house, file, batch_lines=3)
    assert signals(house) == 6
    assert agrees(house)
    ndjson(file, good)
    done = written(house, file, batch_lines=3)
    assert (done.appended, done.repeated) == (4, 6)


# Whole files.


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.ndjson", b"", "no line"),
        ("a.ndjson", b"\n \r\n", "no line"),
        ("a.csv", b"", "no line"),
        ("a.csv", b"namespace,value,decided_at\r\n", "no line"),
        ("a.csv", b"name,value,decided_at\n", "column 1 of the header"),
        ("a.csv", b"value,value\n", "twice"),
        ("a.csv", b'namespace,value\nuser_id,"u1"x\n', "line 2 is no CSV"),
        ("a.csv", b'namespace,value\nuser_id,"u1\nuser_id,u2\n', "is no CSV"),
        ("a.parquet", b"PAR1", "no Parquet"),
        ("a.xlsx", b"PK", "ndjson"),
    ],
)
def test_a_file_that_is_none_is_refused(
    still: House, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ImportRefusedError, match=message):
        checked(still, file)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (ImportTerms(basis="", operator="kim"), "a legal basis"),
        (ImportTerms(basis=" ", operator="kim"), "a legal basis"),
        (ImportTerms(basis="a\nb", operator="kim"), "a legal basis"),
        (ImportTerms(basis="x" * 201, operator="kim"), "a legal basis"),
        (ImportTerms(basis="PIPA 22", operator=""), "who answers"),
        (
            ImportTerms(basis="PIPA 22", operator="kim", jurisdiction="Atlantis"),
            "jurisdictions",
        ),
    ],
)
def test_an_import_without_its_terms_is_refused(
    still: House, tmp_path: Path, terms: ImportTerms, message: str
) -> None:
    file = ndjson(tmp_path / "a.ndjson", [line()])
    with pytest.raises(ImportRefusedError, match=message):
        checked(still, file, terms)
    with pytest.raises(ImportRefusedError, match=message):
        written(still, file, terms)
    assert signals(still) == 0


def test_a_byte_order_mark_and_crlf_are_read_over(house: House, tmp_path: Path) -> None:
    lines = tmp_path / "a.ndjson"
    text = "\r\n".join([json.dumps(line()), "", json.dumps(line("u2")), ""])
    lines.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert checked(house, lines)[0].good == 2
    table = tmp_path / "a.csv"
    table.write_bytes(
        b"\xef\xbb\xbfnamespace,value,decided_at,purposes.segmentation\r\n"
        b"user_id,u1,2026-11-01T00:00:00Z,grant\r\n\r\n"
        b"user_id,u3,2026-11-01T00:00:00Z,deny\r\n"
    )
    assert checked(house, table)[0].good == 2
    assert written(house, lines).appended == 2
    assert written(house, table).people == 1


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ("user_id,u1,2026-11-01T00:00:00Z,maybe,,", "purposes", "import.verdict"),
        ("user_id,,2026-11-01T00:00:00Z,grant,,", "value", "import.missing"),
        ("user_id,u1,2026-11-01T00:00:00Z,grant", "", "import.columns"),
        ("user_id,u1,2026-11-01T00:00:00Z,,,", "purposes", "import.statement"),
        ("user_id,u1,2026-11-01T00:00:00Z,grant,gpc,1", "purposes", "import.statement"),
        ("user_id,\udcff,2026-11-01T00:00:00Z,grant,,", "", "import.encoding"),
    ],
)
def test_a_bad_row_of_a_table_is_told_as_a_bad_line_is(
    still: House, tmp_path: Path, row: str, field: str, code: str
) -> None:
    file = tmp_path / "a.csv"
    header = "namespace,value,decided_at,purposes.segmentation,standard,signal"
    file.write_bytes(f"{header}\n{row}\n".encode(errors="surrogateescape"))
    assert checked(still, file)[1] == [Fault(line=2, field=field, code=code)]


def test_one_history_is_the_same_in_every_format(house: House, tmp_path: Path) -> None:
    preferences = {"eventType": "deny_all", "basisForProcessing": "consent"}
    rows = [
        line("u1", jurisdiction="EU", notice=None),
        line(
            "u2",
            purposes=None,
            standard="snowplow",
            signal=preferences | {"consentScopes": []},
        ),
    ]
    lines = ndjson(tmp_path / "a.ndjson", rows)
    header = ["namespace", "value", "decided_at", "jurisdiction"]
    cells: list[list[str | None]] = [
        ["user_id", "u1", DECIDED, "EU", "grant", None, None],
        [
            "user_id",
            "u2",
            DECIDED,
            None,
            None,
            "snowplow",
            json.dumps(rows[1]["signal"]),
        ],
    ]
    columns = [*header, "purposes.segmentation", "standard", "signal"]
    table = tmp_path / "a.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(cells)
    parquet = tmp_path / "a.parquet"
    pq.write_table(
        pa.table(dict(zip(columns, zip(*cells, strict=True), strict=True))),
        parquet,
    )
    assert written(house, lines).appended == 2
    for same in (table, parquet):
        assert not checked(house, same)[1]
        assert written(house, same).repeated == 2
    assert agrees(house)
