import hashlib
import random  # noqa: TID251 - a seeded shuffle of files, no secret
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import yaml

from cdp.policy import (
    FeatureInfo,
    Policy,
    Source,
    UnknownVersionError,
    add_period,
    load,
    period,
    read_bundle,
    shortest_days,
)
from tests.policy.conftest import ROOT, SMALL, Folder
from tests.policy.test_lint import RECENCY


def test_order_comments_and_file_names_do_not_change_the_version(
    folder: Folder, tmp_path: Path
) -> None:
    first = load(folder(SMALL), features=RECENCY)
    documents = list(yaml.safe_load_all(SMALL))
    random.Random(1).shuffle(documents)  # noqa: S311 - see above
    (tmp_path / "all.yaml").unlink()
    (tmp_path / "deep").mkdir()
    for number, document in enumerate(documents):
        text = yaml.safe_dump(document, allow_unicode=True, sort_keys=True)
        path = tmp_path / "deep" / f"{number}.yml"
        path.write_text(f"# a comment\n---\n{text}", encoding="utf-8")
    second = load(tmp_path, features=RECENCY)
    assert second.version == first.version
    assert second == first


@pytest.mark.parametrize(
    ("old", "new"),
    [("k: 5", "k: 6"), ("en: Linking", "en: linking"), ("round: 10}", "round: 20}")],
)
def test_a_difference_that_a_rule_could_see_changes_the_version(
    folder: Folder, old: str, new: str
) -> None:
    first = load(folder(SMALL), features=RECENCY).version
    assert load(folder(SMALL.replace(old, new)), features=RECENCY).version != first


def test_a_default_written_out_is_the_same_policy(folder: Folder) -> None:
    first = load(folder(SMALL), features=RECENCY)
    text = SMALL.replace("retention: P1Y\n", "retention: P1Y\nwithout_consent: strip\n")
    text = text.replace("round: 100}", "round: 100.0}")
    assert load(folder(text), features=RECENCY).version == first.version


def test_a_table_is_part_of_the_version(folder: Folder) -> None:
    path = folder(SMALL)
    first = load(path, features=RECENCY)
    with (path / "hierarchies" / "regions.csv").open("a", encoding="utf-8") as file:
        file.write("Mapo,Seoul,Capital\n")
    assert load(path, features=RECENCY).version != first.version


def test_a_bundle_decodes_to_the_policy_it_was_made_from(shop: Policy) -> None:
    again = read_bundle(shop.bundle, shop.version, features=shop.features)
    assert again == shop


def test_a_changed_bundle_is_refused(shop: Policy) -> None:
    with pytest.raises(UnknownVersionError):
        read_bundle(shop.bundle + b" ", shop.version, features={})
    other = b'{"documents":[],"hierarchies":[],"what":1}'
    import hashlib  # noqa: PLC0415 - only this test hashes

    with pytest.raises(UnknownVersionError):
        read_bundle(other, hashlib.sha256(other).hexdigest(), features={})


def test_an_undeclared_source_has_the_only_dataset_and_no_origins(shop: Policy) -> None:
    assert shop.source("nobody") == Source(key="nobody", dataset="shop_events")
    assert shop.source("shop-kr").region == "KR"


def test_the_shop_loads_and_its_release_names_its_inputs(shop: Policy) -> None:
    release = shop.releases["rfm"]
    assert (release.k, release.l) == (20, 2)
    assert shop.release_inputs(release) == (
        "age_band",
        "categories",
        "channel",
        "coupon_count",
        "household_size",
        "income_band",
        "name",
        "occurred_at",
        "revenue",
    )
    assert {"KR", "EU", "EU-FR", "UK", "US-CA", "unknown"} < set(shop.jurisdictions)
    assert {purpose.key for purpose in shop.purposes.values() if purpose.required} == {
        "service",
        "operations",
        "compliance",
        "rights",
    }
    assert repr(shop).startswith("Policy(")


def test_the_shop_does_not_load_without_the_features_its_release_names() -> None:
    other = {"frequency_365d": FeatureInfo(name="frequency_365d", inputs=("name",))}
    with pytest.raises(Exception, match="no field or feature monetary_365d"):
        load(ROOT / "policies", features=other)


@pytest.mark.parametrize(
    ("start", "text", "end"),
    [
        ("2026-01-02", "P2Y", "2028-01-02"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2026-12-31", "P13M", "2028-01-31"),
        ("2026-11-25", "P90D", "2027-02-23"),
        ("2026-01-31", "P1M1D", "2026-03-01"),
    ],
)
def test_a_period_ends_on_the_calendar(start: str, text: str, end: str) -> None:
    begin = datetime.fromisoformat(f"{start}T00:00:00+09:00").astimezone(UTC)
    finish = datetime.fromisoformat(f"{end}T00:00:00+09:00").astimezone(UTC)
    assert add_period(begin, text, "Asia/Seoul") == finish
    assert (finish - begin).days >= shortest_days(text)


@pytest.mark.parametrize("text", ["P", "", "P1W", "1Y", "PT1H", "P1D1Y"])
def test_what_is_no_calendar_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a period is"):
        period(text)


def test_the_texts_that_ship_are_those_of_their_notice(shop: Policy) -> None:
    texts = ROOT / "policies" / "notices"
    for key, notice in shop.notices.items():
        for language, digest in notice.texts.items():
            text = (texts / f"{key}.{language}.txt").read_bytes()
            assert hashlib.sha256(text).hexdigest() == digest


def test_a_bundle_of_an_older_grammar_keeps_its_version(folder: Folder) -> None:
    """What came later has its default; the version is that of the bytes."""
    policy = load(folder(SMALL), features=RECENCY)
    plain = msgspec.json.decode(policy.bundle)
    for document in plain["documents"]:
        for name in ("gpc", "needs_notice", "separates", "no_ask", "channel", "level"):
            document.pop(name, None)
    content = msgspec.json.encode(plain)
    version = hashlib.sha256(content).hexdigest()
    old = read_bundle(content, version, features=RECENCY)
    assert (old.version, old.bundle) == (version, content)
    assert old.purposes == policy.purposes
