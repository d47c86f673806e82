"""The shop's own policy set, loaded once, and a small folder that tests may break."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cdp.policy import FeatureInfo, Policy, load

ROOT = Path(__file__).parents[2]
_INPUTS = ("occurred_at", "name", "revenue", "categories", "coupon_count", "channel")
_WINDOWS = ("30d", "90d", "365d")
_FEATURES = (
    *(f"{kind}_{w}" for kind in ("recency", "frequency", "monetary") for w in _WINDOWS),
    "purchase_interval_days",
    "top_category",
    "top_category_share",
    "coupon_share_365d",
    "main_channel",
    "online_share_365d",
    "weekend_share_365d",
)
SMALL = (Path(__file__).parent / "small.yaml").read_text(encoding="utf-8")
REGIONS = "gu,sido,area\nNowon,Seoul,Capital\nBundang,Gyeonggi,Capital\n"

Folder = Callable[[str], Path]


@pytest.fixture(scope="session")
def catalogue() -> dict[str, FeatureInfo]:
    return {name: FeatureInfo(name=name, inputs=_INPUTS) for name in _FEATURES}


@pytest.fixture(scope="session")
def shop(catalogue: dict[str, FeatureInfo]) -> Policy:
    return load(ROOT / "policies", features=catalogue)


@pytest.fixture(scope="session")
def bits(shop: Policy) -> dict[str, int]:
    return {key: number for number, key in enumerate(sorted(shop.purposes))}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Write one YAML text, and the table that it may name, into a folder."""

    def write(text: str) -> Path:
        (tmp_path / "hierarchies").mkdir(exist_ok=True)
        table = tmp_path / "hierarchies" / "regions.csv"
        table.write_text(REGIONS, encoding="utf-8")
        (tmp_path / "all.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return write
