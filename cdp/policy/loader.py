"""Read the folder ``policies/``. The only module of this room that touches a disk.

- Documents: every ``*.yaml`` and ``*.yml``, at any depth; folder names are for people.
- Tables: ``hierarchies/*.csv``, UTF-8, the first row naming the levels from fine to
  coarse.
- All faults of the folder are raised at once, each with file, line and rule.

Refuses: a policy that is not whole. There is no partial load.
"""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from cdp.policy.bundle import Policy, make_policy
from cdp.policy.documents import FeatureInfo, HierarchyTable
from cdp.policy.errors import Fault, PolicyError
from cdp.policy.folder import Located
from cdp.policy.lint import lint, lint_table
from cdp.policy.marks import decode_document, read_yaml

_TABLES = "hierarchies"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")


def load(folder: Path, *, features: Mapping[str, FeatureInfo] | None = None) -> Policy:
    """Load, decode and lint a folder.

    Args:
        folder: usually ``policies/``.
        features: the catalogue of features written in Python, by name; releases may
        name
            them as columns.

    Raises:
        PolicyError: anything at all is wrong; it holds every fault.
    """
    faults: list[Fault] = []
    located: list[Located] = []
    if not folder.is_dir():
        raise PolicyError([_file_fault(".", "unreadable", "there is no such folder")])
    paths = sorted({*folder.rglob("*.yaml"), *folder.rglob("*.yml")})
    for path in paths:
        name = path.relative_to(folder).as_posix()
        text = _read(path, name, faults)
        marked_documents, problems = read_yaml(text, name)
        faults += problems
        for marked in marked_documents:
            document = decode_document(marked)
            if isinstance(document, list):
                faults += document
            else:
                located.append(Located(document=document, marked=marked))
    tables: list[HierarchyTable] = []
    for path in sorted((folder / _TABLES).glob("*.csv")):
        name = path.relative_to(folder).as_posix()
        table = _table(path.stem, _read(path, name, faults), name, faults)
        if table is not None:
            faults += lint_table(table, name)
            tables.append(table)
    catalogue = dict(features or {})
    # (3) Lint reads what decoded; a document that did not would only cause echoes.
    if not faults:
        faults += lint(located, {table.name: table for table in tables}, catalogue)
    if faults:
        raise PolicyError(faults)
    return make_policy((item.document for item in located), tables, catalogue)


def _read(path: Path, name: str, faults: list[Fault]) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        faults.append(_file_fault(name, "unreadable", "not readable as UTF-8 text"))
        return ""


def _table(
    stem: str, text: str, name: str, faults: list[Fault]
) -> HierarchyTable | None:
    rows = [tuple(row) for row in csv.reader(text.splitlines()) if row]
    if not rows or not _NAME.fullmatch(stem):
        faults.append(_file_fault(name, "type", "a table has a plain name and levels"))
        return None
    return HierarchyTable(name=stem, levels=rows[0], rows=tuple(rows[1:]))


def _file_fault(file: str, rule: str, message: str) -> Fault:
    return Fault(file=file, line=0, rule=rule, message=message)
