"""What import contracts cannot see: who makes a view, and what a door re-exports."""

import ast
import importlib
from pathlib import Path
from typing import get_args

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "cdp").rglob("*.py"))
GATE = ROOT / "cdp" / "gate"
VIEW = "MinimizedView"


def calls_of(tree: ast.AST, name: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == name)
            or (isinstance(node.func, ast.Attribute) and node.func.attr == name)
        )
    ]


def ways_round(tree: ast.AST) -> list[int]:
    """Lines that could make a view without calling it by its name."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="cdp.gate.view"):
                found.append(node.lineno)
            case ast.ImportFrom(names=names) if any(
                alias.name == VIEW and alias.asname not in (None, VIEW)
                for alias in names
            ):
                found.append(node.lineno)
            case ast.Import(names=names) if any(
                alias.name == "cdp.gate.view" for alias in names
            ):
                found.append(node.lineno)
            case ast.ClassDef(bases=bases) if any(
                VIEW in ast.unparse(base) for base in bases
            ):
                found.append(node.lineno)
            case ast.Attribute(attr="__new__", value=value) if VIEW in ast.unparse(
                value
            ):
                found.append(node.lineno)
            case ast.Assign(value=ast.Name(id="MinimizedView")):
                found.append(node.lineno)
            case _:
                pass
    return found


def test_only_the_gate_makes_a_minimized_view() -> None:
    made_by = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        if calls_of(tree, VIEW):
            made_by.add(path)
        if GATE not in path.parents:
            assert not ways_round(tree), f"{path.name} makes a view behind the gate"
    assert made_by == {GATE / "gate.py"}


def test_the_walk_would_see_a_view_made_elsewhere() -> None:
    assert calls_of(ast.parse("x = gate.MinimizedView(events=e)"), VIEW)
    for way in (
        "from cdp.gate.view import MinimizedView",
        "import cdp.gate.view",
        "from cdp.gate import MinimizedView as M",
        "class Mine(MinimizedView): pass",
        "v = MinimizedView.__new__(MinimizedView)",
        "M = MinimizedView",
    ):
        assert ways_round(ast.parse(way)), way


@pytest.mark.parametrize("room", ["gate", "ingest", "rights"])
def test_a_door_shows_no_type_of_identity_or_lake(room: str) -> None:
    door = importlib.import_module(f"cdp.{room}")
    for name in getattr(door, "__all__", ()):
        thing = getattr(door, name)
        for part in (thing, *get_args(thing)):
            home = getattr(part, "__module__", "") or ""
            assert not home.startswith(("cdp.identity", "cdp.lake")), name
