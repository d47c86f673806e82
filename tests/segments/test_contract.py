"""The input contract: each refusal is reached; what was withheld is never imputed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cdp.client import FeatureFrame, content_hash
from cdp.kernel import FeatureGrant, FixedClock
from cdp.kernel.grant import METADATA_KEY
from cdp.segments import (
    ClusterSegments,
    GrantError,
    GrantReason,
    RFMScorer,
    RFMSegments,
    SegmentModel,
    TooLittleDataError,
    admit,
    cluster_model,
    rfm_model,
)

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
RFM = ("recency_365d", "frequency_365d", "monetary_365d")


def rows(n: int = 20, **more: Any) -> pa.Table:
    return pa.table(
        {
            "token": pa.array([bytes([1, i // 256, i % 256]) for i in range(n)]),
            "recency_365d": pa.array(range(n), pa.int64()),
            "frequency_365d": pa.array([1 + i % 7 for i in range(n)], pa.int64()),
            "monetary_365d": pa.array(
                [Decimal(i * 3) for i in range(n)], pa.decimal128(18, 4)
            ),
            "top_category": pa.array(["BREAD"] * n),
            **more,
        }
    )


def framed(table: pa.Table, **changes: Any) -> FeatureFrame:
    grant = FeatureGrant(
        release="rfm",
        purpose="segmentation",
        recipient="crm",
        policy_version="00",
        consent_watermark=7,
        domain="segmentation:crm",
        key_epoch=1,
        as_of=NOON,
        rows=table.num_rows,
        withheld={},
        expires_at=NOON + timedelta(days=90),
        sha256=content_hash(table),
        record="r",
        leaf="00",
    )
    return FeatureFrame(table=table, grant=msgspec.structs.replace(grant, **changes))


def rfm(clock: FixedClock | None = None) -> SegmentModel:
    return SegmentModel(
        make_pipeline(RFMScorer(), RFMSegments()),
        name="rfm",
        columns=RFM,
        purpose="segmentation",
        clock=clock or FixedClock(NOON),
    )


def reason_of(
    frame: object,
    columns: tuple[str, ...] = RFM,
    now: datetime = NOON,
    domain: str | None = None,
) -> GrantReason:
    with pytest.raises(GrantError) as refused:
        admit(frame, columns=columns, purpose="segmentation", now=now, domain=domain)
    return refused.value.reason


def test_a_frame_whose_grant_covers_the_use_is_admitted() -> None:
    admitted = admit(framed(rows()), columns=RFM, purpose="segmentation", now=NOON)
    assert admitted.X.shape == (20, 3)
    assert admitted.X[3].tolist() == [3, 4, 9]
    assert admitted.columns == RFM


def test_a_grant_in_the_metadata_counts_too() -> None:
    frame = framed(rows())
    table = frame.table.replace_schema_metadata({METADATA_KEY: frame.grant.to_json()})
    assert admit(table, columns=RFM, purpose="segmentation", now=NOON).X.shape == (
        20,
        3,
    )


def test_rows_without_a_grant_are_refused() -> None:
    assert reason_of(rows()) is GrantReason.ABSENT


def test_an_unreadable_grant_is_none() -> None:
    table = rows().replace_schema_metadata({METADATA_KEY: b"{}"})
    assert reason_of(table) is GrantReason.ABSENT


def test_a_grant_ends_at_its_instant() -> None:
    frame = framed(rows(), expires_at=NOON)
    assert reason_of(frame) is GrantReason.EXPIRED
    before = NOON - timedelta(microseconds=1)
    admitted = admit(frame, columns=RFM, purpose="segmentation", now=before)
    assert admitted.grant.expires_at == NOON


def test_another_purpose_is_refused() -> None:
    assert reason_of(framed(rows(), purpose="analytics")) is GrantReason.PURPOSE


def test_the_language_of_another_domain_is_refused() -> None:
    assert reason_of(framed(rows()), domain="other") is GrantReason.DOMAIN


@pytest.mark.parametrize(
    "changed",
    [
        rows().slice(1),
        rows().drop_columns(["top_category"]),
        rows().drop_columns(["token"]),
        rows(recency_365d=pa.array(range(1, 21), pa.int64())),
    ],
    ids=["a row less", "a column less", "no tokens", "other values"],
)
def test_other_rows_than_the_granted_ones_are_refused(changed: pa.Table) -> None:
    frame = FeatureFrame(table=changed, grant=framed(rows()).grant)
    assert reason_of(frame) is GrantReason.CONTENT


def test_a_missing_column_is_refused() -> None:
    assert reason_of(framed(rows()), ("share",)) is GrantReason.COLUMN_MISSING


def test_a_column_that_is_no_number_is_refused() -> None:
    assert reason_of(framed(rows()), ("top_category",)) is GrantReason.COLUMN_TYPE


def test_a_model_checks_the_grant_again_when_it_predicts() -> None:
    clock = FixedClock(NOON)
    frame = framed(rows())
    model = rfm(clock).fit(frame)
    clock.advance(timedelta(days=90))
    with pytest.raises(GrantError) as refused:
        model.predict(frame)
    assert refused.value.reason is GrantReason.EXPIRED


def test_a_model_refuses_tokens_of_another_domain_than_its_own() -> None:
    model = rfm().fit(framed(rows()))
    with pytest.raises(GrantError) as refused:
        model.predict(framed(rows(), domain="segmentation:ads"))
    assert refused.value.reason is GrantReason.DOMAIN


def test_a_row_with_a_withheld_value_is_unassigned_and_not_learnt_from() -> None:
    mask = pa.array([1, None] + [0] * 18, pa.int64())
    seen = rows(_withheld=mask)
    model = rfm().fit(framed(seen))
    labels = model.predict(framed(seen))["segment"].to_pylist()
    assert labels[0] == "unassigned"
    assert "unassigned" not in labels[1:]
    fewer = rfm().fit(framed(rows().slice(1)))
    steps = [m.estimator_.named_steps["rfmscorer"] for m in (model, fewer)]
    assert (steps[0].cut_points_ == steps[1].cut_points_).all()


def test_an_unknown_value_is_unassigned_and_not_imputed() -> None:
    unknown = rows(recency_365d=pa.array([None, *range(1, 20)], pa.int64()))
    model = rfm().fit(framed(unknown))
    labels = model.predict(framed(unknown))["segment"].to_pylist()
    assert labels[0] == "unassigned"
    assert "unassigned" not in labels[1:]


def test_sizes_and_spend_add_up() -> None:
    frame = framed(rows())
    summary = rfm().fit(frame).summary(frame, spend="monetary_365d")
    assert sum(s.size or 0 for s in summary) == 20
    assert sum(s.spend or 0 for s in summary) == sum(3 * i for i in range(20))


def test_a_segment_under_k_keeps_its_name_and_loses_its_numbers() -> None:
    frame = framed(rows())
    model = rfm().fit(frame)
    shown = model.summary(frame, spend="monetary_365d", k_report=5)
    whole = model.summary(frame, spend="monetary_365d")
    assert [s.name for s in shown] == [s.name for s in whole]
    for mine, full in zip(shown, whole, strict=True):
        small = (full.size or 0) < 5
        assert (mine.size, mine.spend) == (
            (None, None) if small else (full.size, full.spend)
        )


def clusters(*, force: bool = False) -> SegmentModel:
    return SegmentModel(
        make_pipeline(StandardScaler(), ClusterSegments(k=(2, 3), n_boot=3)),
        name="clusters",
        columns=RFM,
        purpose="segmentation",
        clock=FixedClock(NOON),
        force=force,
    )


def test_clusters_of_too_few_rows_are_refused_unless_forced() -> None:
    frame = framed(rows(499))
    with pytest.raises(TooLittleDataError):
        clusters().fit(frame)
    forced = clusters(force=True).fit(frame)
    assert np.isfinite(forced.last_step.silhouette_)


def test_clusters_give_every_row_a_named_segment() -> None:
    frame = framed(rows(500))
    model = clusters().fit(frame)
    given = set(model.predict(frame)["segment"].to_pylist())
    assert given == set(model.names)


def test_the_ready_models_fit_and_name_every_row() -> None:
    frame = framed(rows(900))
    for make in (rfm_model, cluster_model):
        model = make(RFM, purpose="segmentation", clock=FixedClock(NOON)).fit(frame)
        summary = model.summary(frame, spend="monetary_365d")
        assert sum(s.size or 0 for s in summary) == 900
