"""A release to a third party needs the consent that names it (PIPA 17(2), R17)."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest

from cdp.consent import Verdict
from cdp.gate import Granted, Subject
from cdp.gate.population import Standing, all_allow
from cdp.kernel import Handle
from cdp.policy import Policy, Scope
from cdp.policy.bundle import make_policy
from tests.gate.conftest import Worlds
from tests.gate.world import World, look

PARTNER = "segmentation>crm"


def to_a_third_party(policy: Policy) -> Policy:
    """Return the policy with ``crm`` as another company, which the consent names."""
    crm = msgspec.structs.replace(policy.recipients["crm"], relation="third_party")
    segmentation = msgspec.structs.replace(
        policy.purposes["segmentation"], scope=Scope(recipients=("crm",))
    )
    purposes = {**policy.purposes, "segmentation": segmentation}
    documents: list[Any] = [
        *policy.jurisdictions.values(),
        *policy.datasets.values(),
        *policy.roles.values(),
        *policy.releases.values(),
        *purposes.values(),
        crm,
        policy.identity,
    ]
    return make_policy(documents, [], policy.features)


def buyer(world: World, name: str, place: str = "KR", **event: Any) -> Handle:
    handle = world.handle(name, jurisdiction=place)
    world.event(handle, {"revenue": Decimal(5)}, **event)
    return handle


def test_a_grant_from_before_it_was_named_opens_nothing_to_it(world: World) -> None:
    anna, bert = buyer(world, "anna"), buyer(world, "bert")
    for who in (anna, bert):
        world.say(who, Verdict.GRANT)
    assert world.answer("everybody").grant.rows == 2
    world.apply(to_a_third_party(world.rules.policy))
    world.say(bert, Verdict.GRANT, PARTNER)
    answer = world.answer("everybody")
    assert answer.grant.rows == 1
    assert answer.grant.withheld == {"consent.never_asked": 1}


def test_who_refused_before_it_was_named_refused_it_too(worlds: Worlds) -> None:
    """In California silence opens the new recipient; a refusal was no silence."""
    world = worlds()
    anna = buyer(world, "anna", "US-CA")
    buyer(world, "bert", "US-CA")
    world.say(anna, Verdict.DENY)
    world.apply(to_a_third_party(world.rules.policy))
    answer = world.answer("everybody")
    assert answer.grant.rows == 1
    assert answer.grant.withheld == {"consent.denied": 1}


@pytest.mark.parametrize("closed", [("segmentation",), (PARTNER,)])
def test_an_event_that_either_closes_stays_in(
    worlds: Worlds, closed: tuple[str, ...]
) -> None:
    world = worlds()
    world.apply(to_a_third_party(world.rules.policy))
    anna = buyer(world, "anna", closed=closed)
    for key in ("segmentation", PARTNER):
        world.say(anna, Verdict.GRANT, key)
    assert world.answer("everybody").grant.rows == 0
    world.event(anna, {"revenue": Decimal(7)})
    answer = world.answer("everybody")
    assert answer.table.column("spent").to_pylist() == [Decimal(7)]


def test_a_person_is_told_of_each_recipient(worlds: Worlds) -> None:
    world = worlds()
    world.apply(to_a_third_party(world.rules.policy))
    world.say(world.handle("anna"), Verdict.GRANT)
    anna = Subject(namespace="user_id", value="anna")
    ruling = world.doors.consent_query(look(), anna, about="segmentation")
    assert isinstance(ruling, Granted)
    assert [(it.recipient, it.granted, it.reason) for it in ruling.value.states] == [
        (None, True, None),
        ("crm", False, "consent.never_asked"),
    ]


def test_both_must_allow_and_the_stronger_reason_counts() -> None:
    def standing(*rows: tuple[bool, int]) -> Standing:
        return Standing(
            granted=np.array([row[0] for row in rows]),
            covers_past=np.array([row[0] for row in rows]),
            codes=np.array([row[1] for row in rows], dtype=np.int64),
        )

    one = standing((True, 0), (True, 0), (False, 10), (False, 100))
    other = standing((True, 0), (False, 10), (False, 100), (True, 0))
    both = all_allow(one, other)
    assert both.granted.tolist() == [True, False, False, False]
    assert both.covers_past.tolist() == both.granted.tolist()
    assert both.codes.tolist() == [0, 10, 100, 100]
