"""Every reason for which a request is refused, reached."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from cdp.audit import Kind
from cdp.auth import Caller
from cdp.gate import AccessRequest, Denied, Reason
from cdp.gate.admission import Admitted, admit_release, admit_role, known_purpose
from cdp.policy import Policy
from tests.gate.world import ANALYST, NOON, look, pull


def ask(policy: Policy, request: AccessRequest, **changes: Any) -> Admitted | Denied:
    changed = msgspec.structs.replace(policy, **changes)
    bits = {key: n for n, key in enumerate(sorted(changed.scopes))}
    return admit_release(changed, bits, request, NOON)


def reason_of(ruling: Admitted | Denied) -> str:
    assert isinstance(ruling, Denied), ruling
    return ruling.reason


def replace(documents: dict[str, Any], key: str, **changes: Any) -> dict[str, Any]:
    return {**documents, key: msgspec.structs.replace(documents[key], **changes)}


def test_a_request_that_fits_is_admitted(policy: Policy) -> None:
    admitted = ask(policy, pull())
    assert isinstance(admitted, Admitted)
    assert admitted.attributes == ("age", "income")
    assert admitted.features == ("spent", "orders")
    assert admitted.inputs == ("age", "income", "occurred_at", "revenue")
    assert admitted.as_of == NOON


@pytest.mark.parametrize(
    "caller",
    [
        Caller(
            client_id="c", name="n", roles=(), purposes=("segmentation",), token_id=""
        ),
        Caller(
            client_id="c",
            name="n",
            roles=("officer", "ghost"),
            purposes=("segmentation",),
            token_id="",
        ),
        Caller(client_id="c", name="n", roles=("analyst",), purposes=(), token_id=""),
    ],
)
def test_role_and_client_must_both_allow(policy: Policy, caller: Caller) -> None:
    assert reason_of(ask(policy, pull(caller=caller))) == Reason.ROLE


def test_a_recipient_is_reached_through_its_own_role(policy: Policy) -> None:
    other = replace(policy.recipients, "crm", role="officer")
    assert reason_of(ask(policy, pull(), recipients=other)) == Reason.ROLE


def test_asking_the_log_needs_no_reason_by_itself(policy: Policy) -> None:
    assert admit_role(policy, look(Kind.AUDIT_QUERY, reason_code=None)) == "officer"
    assert admit_role(policy, look(reason_code=None)) == "officer"


def test_the_unknown_is_refused(policy: Policy) -> None:
    assert reason_of(ask(policy, pull("nothing"))) == Reason.UNKNOWN
    assert reason_of(ask(policy, pull(None))) == Reason.UNKNOWN  # type: ignore[arg-type]  # what an API may pass
    for kind in ("releases", "recipients", "datasets", "purposes"):
        assert reason_of(ask(policy, pull(), **{kind: {}})) in {
            Reason.UNKNOWN,
            Reason.ROLE,
        }
    assert reason_of(ask(policy, pull(), purposes={})) == Reason.UNKNOWN
    assert reason_of(ask(policy, pull(), datasets={})) == Reason.UNKNOWN
    assert isinstance(known_purpose(policy, {}, "segmentation"), Denied)


def test_a_release_is_for_its_own_purpose_alone(policy: Policy) -> None:
    caller = msgspec.structs.replace(ANALYST, purposes=("segmentation", "linking"))
    roles = replace(policy.roles, "analyst", purposes=("segmentation", "linking"))
    request = pull(caller=caller, purpose="linking")
    assert reason_of(ask(policy, request, roles=roles)) == Reason.UNKNOWN


def test_the_future_is_refused(policy: Policy) -> None:
    later = NOON + timedelta(microseconds=1)
    assert reason_of(ask(policy, pull(as_of=later))) == Reason.AS_OF
    assert isinstance(ask(policy, pull(as_of=NOON)), Admitted)


def test_a_purpose_has_a_basis_in_every_jurisdiction(policy: Policy) -> None:
    basis = dict(policy.purposes["segmentation"].basis)
    del basis["US-CA"]
    for some in (basis, {}):
        purposes = replace(policy.purposes, "segmentation", basis=some)
        assert reason_of(ask(policy, pull(), purposes=purposes)) == Reason.NO_BASIS


def test_a_third_party_is_named_by_the_consent(policy: Policy) -> None:
    recipients = replace(policy.recipients, "crm", relation="third_party")
    refused = ask(policy, pull(), recipients=recipients)
    assert reason_of(refused) == Reason.RECIPIENT
    purpose = policy.purposes["segmentation"]
    scope = msgspec.structs.replace(purpose.scope, recipients=("crm",))
    purposes = replace(policy.purposes, "segmentation", scope=scope)
    admitted = ask(policy, pull(), recipients=recipients, purposes=purposes)
    assert isinstance(admitted, Admitted)
    own, theirs = admitted.scopes
    keys = sorted([*policy.purposes, "segmentation>crm"])
    assert (keys[own], keys[theirs]) == ("segmentation", "segmentation>crm")


@pytest.mark.parametrize(
    "changes",
    [
        {"purposes": ("linking",)},
        {"category": "user.government_id.number"},
        {"category": "user.biometric"},
        {"deny": True},
        {"type": None},
    ],
)
def test_a_field_that_may_not_be_used_closes_its_release(
    policy: Policy, changes: dict[str, Any]
) -> None:
    refused = policy.jurisdictions["KR"]
    dataset = policy.datasets["orders"]
    fields = replace(dataset.fields, "revenue", **changes)
    given = {
        "datasets": replace(policy.datasets, "orders", fields=fields),
        "releases": replace(
            policy.releases, "value", deny_categories=("user.biometric",)
        ),
        "jurisdictions": {
            **policy.jurisdictions,
            "KR": msgspec.structs.replace(refused, refuse=("user.government_id",)),
        },
    }
    assert reason_of(ask(policy, pull(), **given)) == Reason.COLUMN


def test_a_pattern_covers_on_a_dot_alone(policy: Policy) -> None:
    releases = replace(policy.releases, "value", deny_categories=("user.fin",))
    assert isinstance(ask(policy, pull(), releases=releases), Admitted)
    releases = replace(policy.releases, "value", deny_categories=("user",))
    assert reason_of(ask(policy, pull(), releases=releases)) == Reason.COLUMN


def test_a_column_nobody_knows_or_made_for_another_purpose_is_refused(
    policy: Policy,
) -> None:
    release = policy.releases["value"]
    columns = msgspec.structs.replace(release.columns, plain=("spent", "nothing"))
    releases = replace(policy.releases, "value", columns=columns)
    assert reason_of(ask(policy, pull(), releases=releases)) == Reason.COLUMN
    features = replace(policy.features, "spent", purposes=("linking",))
    assert reason_of(ask(policy, pull(), features=features)) == Reason.COLUMN


def test_a_step_for_fields_alone_is_refused(policy: Policy) -> None:
    step = msgspec.convert(
        {"url": {"keep": 1}}, type(policy.releases["value"].generalise["spent"])
    )
    releases = replace(policy.releases, "value", generalise={"spent": step})
    assert reason_of(ask(policy, pull(), releases=releases)) == Reason.COLUMN
