"""Every code of lint, reached by one edit of a policy that holds."""

import pytest

from cdp.policy import FeatureInfo, PolicyError, load
from tests.policy.conftest import REGIONS, SMALL, Folder

RECENCY = {"recency": FeatureInfo(name="recency", inputs=("occurred_at",))}

# code, what to replace, by what. The fault lies on the first line that the edit
# touches, unless a fourth value names the text of that line.
CASES: list[tuple[str, ...]] = [
    ("unknown_key", "required: false", "requird: false"),
    ("missing_key", "pool: lab}", "}", "key: lab, role"),
    (
        "type",
        "default: opt_in, child: {below: 14",
        "default: opt_in, child: {below: NO",
    ),
    ("type", "  KR: {type: consent}", "  NO: {type: consent}"),
    ("type", "floor: day", "floor: fortnight"),
    ("type", "k: 5", "k: 0"),
    ("type", "[{round: 10}]", "[{round: 0}]"),
    ("type", "[{round: 10}]", "[{round: 10, floor: day}]"),
    ("type", "from: traits.region", "from: []", "region:\n"),
    ("type", "from: traits.region", "from: traits..region", "region:\n"),
    ("type", "output_retention: P90D", "output_retention: 90 days"),
    ("type", "kind: dataset", "kind: datasets"),
    ("duplicate_key", "retention: P1Y", "retention: P1Y\nretention: P2Y", "P2Y"),
    ("duplicate_key", "key: study_b", "key: study", "key: study\n"),
    ("not_yaml", "key: visits", "key: [visits", "retention: P1Y"),
    ("not_yaml", "{ko: 연구, en: Research}", "{ko: &a 연구, en: *a}"),
    ("missing_document", "kind: identity\n", "kind: identity\nkey: other\n", ""),
    (
        "unknown_reference",
        "may: [release.pull], purposes: [research]",
        "may: [release.pull], purposes: [reserch]",
    ),
    ("unknown_reference", "recipient: lab\n", "recipient: lap\n"),
    ("unknown_reference", "plain: [amount, recency]", "plain: [amount, recent]"),
    ("unknown_reference", "to: sido", "to: city"),
    ("unknown_reference", "zone: Asia/Seoul", "zone: Asia/Soul"),
    ("unknown_reference", "identifier: user_id", "identifier: mail"),
    (
        "unknown_reference",
        "namespaces: {user_id: user_id}",
        "namespaces: {user_id: id}",
    ),
    ("unknown_reference", "key: web, dataset: visits", "key: web, dataset: visit"),
    ("unknown_reference", "key: lab, role: researcher", "key: lab, role: nobody"),
    ("unknown_reference", "recipients: [lab]", "recipients: [lab, other]"),
    ("unknown_reference", "amount: {round: 100}", "amounts: {round: 100}"),
    ("no_basis", "  unknown: {type: consent}\nscope", "scope", "basis:\n"),
    (
        "unknown_not_opt_in",
        "zone: UTC, default: opt_in",
        "zone: UTC, default: opt_out",
        "",
    ),
    (
        "unknown_not_opt_in",
        "  unknown: {type: consent}\nscope",
        "  unknown: {type: opt_out}\nscope",
    ),
    ("field_without_purpose", "user.account, purposes: [linking]", "user.account"),
    (
        "column_without_release_purpose",
        "transform: [{floor: day}], purposes: [research]",
        "transform: [{floor: day}], purposes: [linking]",
        "plain: [amount, recency]",
    ),
    ("denied_column", "plain: [amount, recency]", "plain: [amount, recency, user_id]"),
    ("denied_column", "basis: pipa_28_2", "deny_categories: [user.location]", "quasi:"),
    (
        "denied_column",
        "category: user.financial",
        "category: user.government_id",
        "amount:\n",
    ),
    ("unclassified_column", "plain: [amount, recency]", "plain: [amount, region]"),
    ("unclassified_column", "columns: {plain: [amount]}", "columns: {plain: []}"),
    ("conflicting_transforms", "[{round: 10}]", "[{floor: day}]"),
    ("conflicting_transforms", "[{round: 10}]", "[{round: 10}, {round: 20}]"),
    ("conflicting_transforms", "[{round: 10}]", "[{round: 0.00001}]"),
    (
        "conflicting_transforms",
        "[{hierarchy: {name: regions, to: sido}}]",
        "[{map: {values: {a: b, b: c}, other: drop_field}}]",
    ),
    (
        "conflicting_transforms",
        "from: properties.amount",
        'from: "properties.items[].amount"',
        "type: decimal",
    ),
    (
        "conflicting_transforms",
        "from: properties.amount",
        "from: traits.rrn.value",
        "amount:\n",
    ),
    (
        "conflicting_transforms",
        "identifier: user_id,",
        "identifier: user_id, type: text,",
    ),
    ("not_coarser", "amount: {round: 100}", "amount: {round: 5}"),
    ("not_coarser", "to: area}}, amount", "to: gu}}, amount"),
    ("retention_missing", "retention: P1Y\n", "", "user_id: {from"),
    ("why_missing", "    transform: [{round: 10}]\n", "", "amount:\n"),
    (
        "no_occurred_at",
        "occurred_at: {from: timestamp, type: timestamp",
        "happened_at: {from: timestamp, type: timestamp",
        "fields:",
    ),
    ("name_reserved", "  amount:\n", "  limit:\n"),
    ("name_reserved", "  amount:\n", "  handle:\n"),
    ("name_reserved", "from: properties.amount", "from: context.consent.level"),
    (
        "sealed_unavailable",
        "identifier: user_id,",
        "identifier: user_id, sealed: true,",
    ),
    (
        "basis_28_2_purpose",
        "purpose: research\nrecipient: lab\ndataset: visits\nbasis",
        "purpose: linking\nrecipient: lab\ndataset: visits\nbasis",
    ),
    ("reidentify_28_2", "reidentify: never", "reidentify: two_approvers"),
    (
        "third_party_without_scope",
        "recipients: [lab]",
        "recipients: []",
        "recipient: lab",
    ),
    (
        "foreign_recipient_without_scope",
        "countries: [DE]",
        "countries: [FR]",
        "recipient: lab",
    ),
    (
        "role_joins_keys_and_features",
        "may: [release.pull]",
        "may: [release.pull, identity.lookup]",
    ),
    ("unknown_reference", "may: [release.pull]", "may: [release.take]"),
    (
        "domain_mismatch",
        "columns: {plain: [amount]}\nk: 5\ndomain: {mode: prp, epoch: P90D",
        "columns: {plain: [amount]}\nk: 5\ndomain: {mode: prp, epoch: P30D",
        "epoch: P30D",
    ),
    ("required_marketing", "required: false", "required: true"),
]


def test_the_small_policy_holds(folder: Folder) -> None:
    policy = load(folder(SMALL), features=RECENCY)
    assert policy.release_inputs(policy.releases["study"]) == (
        "amount",
        "occurred_at",
        "region",
    )


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)]
)
def test_one_edit_gives_its_code_and_its_line(
    folder: Folder, case: tuple[str, ...]
) -> None:
    rule, old, new, *where = case
    if rule == "missing_document":
        text = SMALL + "---\n" + SMALL.split("---\n")[4].replace(old, new)
    else:
        assert old in SMALL
        text = SMALL.replace(old, new, 1)
    with pytest.raises(PolicyError) as caught:
        load(folder(text), features=RECENCY)
    assert rule in caught.value.rules
    if where == [""]:
        return
    # A fault that lies elsewhere than its edit says on which line it is expected.
    expected = where[0] if where else new.splitlines()[0]
    lines = {fault.line for fault in caught.value.faults if fault.rule == rule}
    wanted = {
        text[:match].count("\n") + 1
        for match in range(len(text))
        if text.startswith(expected, match)
    }
    assert lines & wanted, (lines, wanted, caught.value.faults)
    assert all(fault.file == "all.yaml" for fault in caught.value.faults)


def test_sixty_four_scopes_do_not_fit_the_bits(folder: Folder) -> None:
    purpose = SMALL.split("---\n")[3]
    # Two purposes and a third party are there already.
    many = [purpose.replace("linking", f"linking{n}") for n in range(61)]
    with pytest.raises(PolicyError) as caught:
        load(folder("---\n".join([SMALL, *many])), features=RECENCY)
    assert caught.value.rules == {"too_many_purposes"}
    load(folder("---\n".join([SMALL, *many[:60]])), features=RECENCY)


def test_an_unquoted_hour_is_the_number_that_yaml_reads(folder: Folder) -> None:
    night = "child: {below: 14, needs: guardian}, night: {from: 21:00, to: 08:00, "
    text = SMALL.replace(
        "child: {below: 14, needs: guardian}, ", night + "channels: []}, "
    )
    with pytest.raises(PolicyError) as caught:
        load(folder(text), features=RECENCY)
    assert caught.value.rules == {"type"}
    quoted = text.replace("21:00", '"21:00"').replace("08:00", '"08:00"')
    load(folder(quoted), features=RECENCY)


def test_every_bad_field_of_a_dataset_is_named(folder: Folder) -> None:
    text = SMALL.replace("type: decimal", "type: money").replace(
        "floor: day", "floor: minute"
    )
    with pytest.raises(PolicyError) as caught:
        load(folder(text), features=RECENCY)
    lines = text.splitlines()
    assert [lines[fault.line - 1].strip()[:11] for fault in caught.value.faults] == [
        "occurred_at",
        "type: money",
    ]


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ("gu,gu\nNowon,Seoul\n", "duplicate_key"),
        ("gu,sido,area\nNowon,Seoul\n", "type"),
        (REGIONS + "Nowon,Gyeonggi,Capital\n", "conflicting_transforms"),
        ("", "type"),
    ],
)
def test_a_table_that_cannot_generalise_does_not_load(
    folder: Folder, table: str, rule: str
) -> None:
    path = folder(SMALL)
    (path / "hierarchies" / "regions.csv").write_text(table, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load(path, features=RECENCY)
    assert caught.value.rules == {rule}
    assert {fault.file for fault in caught.value.faults} == {"hierarchies/regions.csv"}


def test_a_feature_may_be_kept_from_a_purpose(folder: Folder) -> None:
    narrow = FeatureInfo(name="recency", inputs=("occurred_at",), purposes=("linking",))
    with pytest.raises(PolicyError) as caught:
        load(folder(SMALL), features={"recency": narrow})
    assert caught.value.rules == {"column_without_release_purpose"}


def test_an_empty_or_missing_folder_is_no_policy(folder: Folder) -> None:
    path = folder("")
    with pytest.raises(PolicyError) as caught:
        load(path)
    assert caught.value.rules == {"missing_document", "unknown_not_opt_in"}
    with pytest.raises(PolicyError) as caught:
        load(path / "nowhere")
    assert caught.value.rules == {"unreadable"}


def test_a_file_that_is_not_utf_8_is_named(folder: Folder) -> None:
    path = folder(SMALL)
    (path / "more.yml").write_bytes(b"kind: \xff")
    with pytest.raises(PolicyError) as caught:
        load(path, features=RECENCY)
    assert "more.yml:0: unreadable" in str(caught.value)
