"""Alembic's entry: it migrates the connection that it is handed, or a URL by hand."""

from alembic import context

from cdp.runtime.database import Database
from cdp.schema import metadata


def migrate() -> None:
    """Run the migrations on the connection in the config, or on ``-x store=URL``."""
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    url = context.get_x_argument(as_dictionary=True).get("store")
    if not url:
        raise SystemExit("name the store: alembic -x store=URL ...")
    with Database(url).transaction() as connection:
        _run(connection)


def _run(connection: object) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,  # SQLite cannot alter a table in place
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


migrate()
