"""A pull goes through the gate and comes back with features, or not at all."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from shutil import copy

import pytest

from cdp.consent import Verdict
from cdp.features import CATALOGUE, compute, pull
from cdp.gate import TOKEN, Denied, Granted, Reason
from cdp.kernel import FixedClock
from cdp.keys import KeyRing
from cdp.policy import FeatureInfo, load
from cdp.runtime import Database
from tests.gate import world as gates

POLICIES = Path(__file__).parents[2] / "policies"
FOR_LINT = {
    name: FeatureInfo(name=name, inputs=info.inputs, purposes=info.purposes)
    for name, info in CATALOGUE.items()
}


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[gates.World]:
    folder = tmp_path / "policies"
    folder.mkdir()
    copy(Path(__file__).with_name("policy.yaml"), folder)
    ring = KeyRing.create(tmp_path / "ring.json", clock=FixedClock(gates.NOON))
    policy = load(folder, features=FOR_LINT)
    world = gates.World(database, ring, policy, tmp_path)
    yield world
    world.writer.close()


def buy(world: gates.World, name: str, days_ago: int, *categories: str) -> None:
    handle = world.handle(name)
    world.say(handle, Verdict.GRANT)
    world.event(
        handle,
        {
            "name": "order",
            "age": "20s",
            "income": name,
            "revenue": Decimal(10 * days_ago),
            "categories": list(categories),
        },
        occurred_at=gates.NOON - timedelta(days=days_ago),
    )


def test_a_pull_gives_features_of_people_who_agreed(world: gates.World) -> None:
    buy(world, "a", 1, "x", "y", "y")
    buy(world, "b", 2)
    world.flush()
    silent = world.handle("c")
    world.event(silent, {"name": "order", "age": "20s", "revenue": Decimal(7)})
    ruling = pull(world.gate, gates.pull())
    assert isinstance(ruling, Granted)
    answer = ruling.value
    rows = answer.table.drop_columns([TOKEN]).to_pylist()
    assert sorted(rows, key=lambda row: str(row["income"])) == [
        {
            "age": "20s",
            "income": "a",
            "recency_30d": 1,
            "frequency_30d": 1,
            "monetary_30d": 10.0,
            "top_category": "y",
            "top_category_share": 2 / 3,
        },
        {
            "age": "20s",
            "income": "b",
            "recency_30d": 2,
            "frequency_30d": 1,
            "monetary_30d": 20.0,
            "top_category": None,
            "top_category_share": None,
        },
    ]
    assert answer.grant.rows == 2
    assert sum(answer.grant.withheld.values()) == 1
    again = pull(world.gate, gates.pull())
    assert isinstance(again, Granted)
    assert again.value.grant.sha256 == answer.grant.sha256


def test_a_release_of_attributes_alone_can_be_pulled(world: gates.World) -> None:
    buy(world, "a", 1)
    ruling = pull(world.gate, gates.pull("bare"))
    assert isinstance(ruling, Granted)
    assert ruling.value.table["age"].to_pylist() == ["20s"]


def test_a_denial_is_the_gates(world: gates.World) -> None:
    ruling = pull(world.gate, gates.pull("everything"))
    assert isinstance(ruling, Denied)
    assert ruling.reason == Reason.UNKNOWN


def test_the_house_policies_name_features_that_are_there() -> None:
    policy = load(POLICIES, features=FOR_LINT)
    assert any(
        name in CATALOGUE
        for release in policy.releases.values()
        for name in release.columns.all
    )


def test_a_view_is_all_that_compute_needs(world: gates.World) -> None:
    opened = world.gate.open(gates.pull())
    assert isinstance(opened, Granted)
    with opened.value as view:
        assert set(view.features) <= set(compute(view).columns)
