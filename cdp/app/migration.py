"""The store's tables and their history: new ones are made, old ones not guessed at.

- An empty store gets every table.
- A store at the newest revision is used.
- A store that is behind is refused until the operator says ``cdp migrate``; one that is
  ahead was written by a newer program, and is refused for good.
"""

from pathlib import Path
from typing import ClassVar, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import cdp
from cdp.kernel import CdpError
from cdp.runtime import Connection, Database

_FOLDER: Final = Path(cdp.__file__).parent.parent / "migrations"


class SchemaError(CdpError):
    """The store's tables are not those of this program."""

    code: ClassVar[str] = "store.schema"


def prepare(database: Database) -> None:
    """Make the tables of an empty store; refuse one that is not up to date.

    Raises:
        SchemaError: the store is behind, or ahead.
    """
    with database.transaction() as connection:
        current = revision(connection)
        if current is None:
            upgrade(connection)
            return
    newest = ScriptDirectory(str(_FOLDER)).get_current_head()
    if current == newest:
        return
    known = {
        script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions()
    }
    if current in known:
        raise SchemaError(
            f"the store is at revision {current}, this program wants {newest}: "
            "make a backup, then run `cdp migrate`"
        )
    raise SchemaError(
        f"the store is at revision {current}, which this program does not know: "
        "it was written by a newer one"
    )


def revision(connection: Connection) -> str | None:
    """Return the revision of the store; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the store's tables to a revision."""
    command.upgrade(_config(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Take the store's tables back to a revision."""
    command.downgrade(_config(connection), to)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config
