"""A name that comes from a policy file is checked once and for all."""

import pytest

from cdp.lake import ShapeError, shape_of
from tests.lake.support import shape


class Declared:
    def __init__(self, name: str, kind: str = "text") -> None:
        self.name = name
        self.type = kind


CLOCK = Declared("occurred_at", "timestamp")


@pytest.mark.parametrize(
    "name", ["", "Name", "1st", "a-b", 'a"b', "a b", "a;--", "x" * 64]
)
def test_a_column_name_is_a_plain_word(name: str) -> None:
    with pytest.raises(ShapeError, match="called"):
        shape_of("events", [CLOCK, Declared(name)])


@pytest.mark.parametrize("name", ["handle", "closed", "seq", "n", "bucket", "profile"])
def test_a_column_of_the_engine_keeps_its_name(name: str) -> None:
    with pytest.raises(ShapeError, match=name):
        shape_of("events", [CLOCK, Declared(name)])


@pytest.mark.parametrize(
    "name", ["", ".hidden", "../up", "a/b", "a\\b", "a..b", "x" * 65, "a\n"]
)
def test_a_dataset_cannot_be_a_path(name: str) -> None:
    with pytest.raises(ShapeError, match="folder"):
        shape_of(name, [CLOCK])


def test_a_type_is_known_and_a_name_comes_once() -> None:
    with pytest.raises(ShapeError, match="no known type"):
        shape_of("events", [CLOCK, Declared("price", "float")])
    with pytest.raises(ShapeError, match="twice"):
        shape_of("events", [CLOCK, Declared("name"), Declared("name")])


def test_every_dataset_has_a_clock() -> None:
    for columns in ([], [Declared("occurred_at", "text")]):
        with pytest.raises(ShapeError, match="occurred_at"):
            shape_of("events", columns)
    assert list(shape(occurred_at="timestamp").columns) == ["occurred_at"]
