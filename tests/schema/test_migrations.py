"""The migrations make exactly the tables that the code declares, and take them back."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from cdp.app.migration import SchemaError, downgrade, prepare, revision, upgrade
from cdp.runtime import Database
from cdp.schema import metadata


@pytest.fixture
def empty(store_url: str) -> Iterator[Database]:
    database = Database(store_url)
    yield database
    database.close()


def test_the_newest_revision_is_what_the_code_declares(empty: Database) -> None:
    with empty.transaction() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_revision_goes_down_again(empty: Database) -> None:
    with empty.transaction() as connection:
        upgrade(connection)
    with empty.transaction() as connection:
        downgrade(connection, "base")
        left = set(inspect(connection).get_table_names())
    assert left <= {"alembic_version"}


def test_a_record_of_the_log_cannot_be_changed_or_removed(empty: Database) -> None:
    with empty.transaction() as connection:
        upgrade(connection)
        values = {
            column.name: b"x" if "BLOB" in kind or "BYTEA" in kind else 0
            for column in metadata.tables["audit_record"].columns
            for kind in [str(column.type.compile(connection.dialect))]
        }
        connection.execute(metadata.tables["audit_record"].insert(), values)
    for statement in ("UPDATE audit_record SET idx = 9", "DELETE FROM audit_record"):
        with (
            pytest.raises(DBAPIError, match="append-only"),
            empty.engine.begin() as connection,
        ):
            connection.execute(text(statement))


def test_an_empty_store_is_made_and_a_current_one_is_used(empty: Database) -> None:
    prepare(empty)
    prepare(empty)
    with empty.transaction() as connection:
        assert revision(connection) is not None


def test_a_store_of_a_newer_program_is_refused(empty: Database) -> None:
    prepare(empty)
    with empty.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'x999'"))
    with pytest.raises(SchemaError, match="newer"):
        prepare(empty)
