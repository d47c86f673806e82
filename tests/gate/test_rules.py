"""From a policy to the rules of consent and identity."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cdp.consent import GPC, Basis, Default, SilentPart
from cdp.features import CATALOGUE
from cdp.gate import UnfitPolicyError, consent_rules, identity_rules, put_together
from cdp.identity import Form
from cdp.policy import FeatureInfo, Policy, load

ROOT = Path(__file__).parents[2]


def bits_of(policy: Policy) -> dict[str, int]:
    return {key: n for n, key in enumerate(sorted(policy.purposes))}


def test_purposes_become_scopes(policy: Policy) -> None:
    bits = bits_of(policy)
    rules = consent_rules(policy, bits)
    assert rules.version == policy.version
    scope = rules.by_key["segmentation"]
    assert scope.ordinal == bits["segmentation"]
    assert scope.basis["US-CA"] is Basis.OPT_OUT
    assert scope.max_age["KR"].months == 24
    assert scope.categories == ("Advertising",)
    assert scope.gpc is GPC.DENY
    assert scope.silent_part is SilentPart.KEEP
    assert rules.by_key["linking"].gpc is GPC.IGNORE
    assert rules.jurisdictions["US-CA"].default is Default.OPT_OUT
    assert rules.jurisdictions["KR"].zone == "Asia/Seoul"


def test_a_purpose_without_an_ordinal_is_refused(policy: Policy) -> None:
    with pytest.raises(UnfitPolicyError, match="linking"):
        put_together(policy, {"segmentation": 1, "compliance": 2})


def test_namespaces_keep_their_order(policy: Policy) -> None:
    rules = identity_rules(policy.identity)
    assert [space.name for space in rules.namespaces] == ["user_id", "email", "cookie"]
    assert [space.form for space in rules.namespaces] == [
        Form.TEXT,
        Form.EMAIL,
        Form.DEVICE,
    ]
    assert rules.namespaces[1].degree_stronger == 3


@pytest.mark.parametrize(
    "blocked", [{"patterns": ["guest.*"]}, {"patterns": ["-1", "x"]}]
)
def test_a_pattern_that_nothing_would_hear_is_refused(
    policy: Policy, blocked: dict[str, Any]
) -> None:
    given = msgspec.convert(blocked, type(policy.identity.blocked))
    document = msgspec.structs.replace(policy.identity, blocked=given)
    with pytest.raises(UnfitPolicyError):
        identity_rules(document)


def test_normal_forms_have_one_version(policy: Policy) -> None:
    first, *others = policy.identity.namespaces
    spaces = (msgspec.structs.replace(first, rule_version=2), *others)
    document = msgspec.structs.replace(policy.identity, namespaces=spaces)
    with pytest.raises(UnfitPolicyError):
        identity_rules(document)


def test_the_policy_that_ships_can_be_put_in_force() -> None:
    features = {
        name: FeatureInfo(name=name, inputs=info.inputs, purposes=info.purposes)
        for name, info in CATALOGUE.items()
    }
    policy = load(ROOT / "policies", features=features)
    together = put_together(policy, bits_of(policy))
    assert together.policy is policy
    assert set(together.consent.by_key) == set(policy.purposes)
