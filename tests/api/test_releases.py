"""A job pulls a release: rows, their grant, its record; or a denial, recorded too."""

import base64
import hashlib
import io
import json
from collections.abc import Iterator

import httpx
import msgspec
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from cdp.client import content_hash
from cdp.kernel import FeatureGrant
from cdp.kernel.grant import METADATA_KEY
from tests.support.house import NO, YES, consent, order
from tests.support.web import Web, is_error, still_house

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
NDJSON = "application/x-ndjson"
PEOPLE = 24
INCOMES = ["Under 15K", "50-74K", "150-174K"]


def traits(number: int) -> dict[str, object]:
    return {
        "traits": {
            "age_band": "35-44",
            "household_size": "2",
            "income_band": INCOMES[number % len(INCOMES)],
        }
    }


def shoppers(web: Web) -> None:
    """Two dozen of one class, two in classes of their own, one who says no."""
    items = [
        order(
            f"order-{number}-{time}",
            user=f"person-{number}",
            context=consent(YES) | traits(number),
        )
        for number in range(PEOPLE)
        for time in range(2)
    ]
    # One small class alone would take the next one with it.
    for age in ("19-24", "65+"):
        alone = {"traits": {"age_band": age, "income_band": INCOMES[0]}}
        items.append(order(age, user=f"alone-{age}", context=consent(YES) | alone))
    refusals = [order("refuses", user="refuses", preferences=NO)]
    answer = web.batch(items)
    assert answer.json()["ok"] is True, answer.text
    web.batch(refusals)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web with people in it."""
    with Web(still_house(tmp_path_factory.mktemp("house"))) as web:
        shoppers(web)
        yield web


def pull(
    web: Web,
    release: str = "rfm",
    *,
    accept: str | None = None,
    role: str = "segmentation",
    purpose: str = "segmentation",
    **query: str,
) -> httpx.Response:
    headers = web.bearer(role, purpose)
    if accept is not None:
        headers = headers | {"Accept": accept}
    return web.client.get(f"/v1/releases/{release}", headers=headers, params=query)


def table_of(answer: httpx.Response) -> pa.Table:
    assert answer.status_code == 200, answer.text
    return pa.ipc.open_stream(answer.content).read_all()


def grant_of(table: pa.Table) -> FeatureGrant:
    return FeatureGrant.from_json(table.schema.metadata[METADATA_KEY])


def test_a_pull_hands_out_rows_with_their_grant(both: Web) -> None:
    shoppers(both)
    answer = pull(both)
    table = table_of(answer)
    grant = grant_of(table)
    assert table.num_rows == grant.rows == PEOPLE
    assert table.column_names[0] == "token"
    assert grant.sha256 == content_hash(table)
    assert grant.policy_version == both.house.core.in_force.policy.version
    assert grant.withheld["gate.too_small"] == 2
    assert sum(grant.withheld.values()) + grant.rows == PEOPLE + 3
    [(profiles,)] = both.house.rows("SELECT count(DISTINCT profile_id) FROM member")
    assert profiles == PEOPLE + 3
    for value in table.column("token").to_pylist():
        assert len(value) == 17
    assert b"person-1" not in answer.content
    [record] = both.records("release.pull")
    assert record["id"] == grant.record == answer.headers["access-record"]
    assert record["leaf"] == grant.leaf
    assert record["envelope"]["release"] == "rfm"
    assert record["payload"]["counts"]["returned"] == PEOPLE


def test_the_three_formats_hold_the_same_rows(web: Web) -> None:
    arrow = table_of(pull(web, accept=ARROW))
    parquet = pq.read_table(io.BytesIO(pull(web, accept=PARQUET).content))
    lines = pull(web, accept=NDJSON).content.splitlines()
    assert arrow.equals(parquet.cast(arrow.schema))
    assert grant_of(parquet).sha256 == grant_of(arrow).sha256 == content_hash(arrow)
    rows = [json.loads(line) for line in lines]
    assert len(rows) == PEOPLE
    tokens = [bytes.fromhex(row["token"]) for row in rows]
    assert tokens == arrow.column("token").to_pylist() == sorted(tokens)
    assert {key for row in rows for key in row} == {*arrow.column_names}


def test_the_grant_is_in_the_headers(web: Web) -> None:
    for accept in (ARROW, PARQUET, NDJSON):
        answer = pull(web, accept=accept)
        headers = answer.headers
        assert headers["content-type"] == accept
        assert headers["cache-control"] == "no-store"
        assert headers["policy-version"] == web.house.core.in_force.policy.version
        assert int(headers["consent-watermark"]) > 0
        assert int(headers["key-epoch"]) > 0
        assert msgspec.json.decode(headers["withheld"])["gate.too_small"] == 2
        assert headers["expires"].endswith("GMT")
        digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
        assert headers["repr-digest"] == f"sha-256=:{digest}:"
        assert headers["access-record"]


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (None, ARROW),
        ("*/*", ARROW),
        ("application/*", ARROW),
        (f"text/html, {NDJSON};q=0.5", NDJSON),
        (PARQUET.upper(), PARQUET),
        ("application/json", None),
        ("text/html", None),
    ],
)
def test_the_format_is_what_the_caller_accepts(
    web: Web, accept: str | None, given: str | None
) -> None:
    before = len(web.records("release.pull"))
    answer = pull(web, accept=accept)
    if given is None:
        assert (answer.status_code, answer.json()["code"]) == (406, "release.format")
        assert len(web.records("release.pull")) == before
    else:
        assert answer.headers["content-type"] == given
        assert len(web.records("release.pull")) == before + 1


@pytest.mark.parametrize(
    ("role", "purpose"),
    [
        ("segmentation", "analytics"),
        ("segmentation", "service"),
        ("compliance", "compliance"),
        ("compliance", "segmentation"),
        ("operator", "operations"),
        ("consent_manager", "segmentation"),
    ],
)
def test_a_token_without_role_or_purpose_is_denied_and_recorded(
    web: Web, role: str, purpose: str
) -> None:
    answer = pull(web, role=role, purpose=purpose)
    body = answer.json()
    assert answer.status_code == 403
    assert set(body) == {"code", "message", "record"}
    assert body["code"] == "gate.role"
    last = web.records("release.pull", "denied")[-1]
    assert last["id"] == body["record"]
    assert last["envelope"]["reason"] == "gate.role"
    assert last["envelope"]["release"] == "rfm"


@pytest.mark.parametrize(
    "release", ["nothing", "RFM", "rfm%20", "%00", "\u00e9", "x" * 3_000, "..%5C"]
)
def test_a_release_that_does_not_exist_is_404_and_recorded(
    web: Web, release: str
) -> None:
    answer = pull(web, release)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (404, "gate.unknown")
    last = web.records("release.pull", "denied")[-1]
    assert last["id"] == body["record"]
    assert last["envelope"]["reason"] == "gate.unknown"
    # What a caller wrote freely does not go into the log.
    assert "release" not in last["envelope"] or last["envelope"]["release"] is None


def test_an_answer_of_the_future_is_denied(web: Web) -> None:
    answer = pull(web, as_of="2026-11-25T12:00:01Z")
    assert (answer.status_code, answer.json()["code"]) == (403, "gate.as_of")


def test_an_answer_of_the_past_sees_the_events_of_then(web: Web) -> None:
    table = table_of(pull(web, as_of="2026-11-25T10:00:00Z"))
    assert grant_of(table).withheld["gate.no_data"] > 0


@pytest.mark.parametrize(
    "as_of",
    [
        "yesterday",
        "2026-11-25",
        "2026-11-25T12:00:00",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "9" * 400,
        "\0",
        "NaN",
        "",
    ],
)
def test_an_instant_that_is_none_is_refused(web: Web, as_of: str) -> None:
    assert is_error(pull(web, as_of=as_of), 400, "request.invalid")


@pytest.mark.parametrize("as_of", ["1970-01-01T00:00:00Z", "1970-01-01T00:00:01+00:00"])
def test_the_first_instant_there_is_has_no_rows(web: Web, as_of: str) -> None:
    assert table_of(pull(web, as_of=as_of)).num_rows == 0


def test_the_same_pull_at_the_same_watermark_gives_the_same_rows(web: Web) -> None:
    first, second = table_of(pull(web)), table_of(pull(web))
    assert first.equals(second)
    assert grant_of(first).record != grant_of(second).record


def test_a_withdrawal_takes_exactly_its_profile_out(both: Web) -> None:
    shoppers(both)
    before = table_of(pull(both))
    answer = both.client.post(
        "/v1/consent",
        headers=both.bearer("consent_manager", "service"),
        json={
            "identifier": {"namespace": "user_id", "value": "person-3"},
            "purposes": {"segmentation": "deny"},
        },
    )
    assert answer.status_code == 200, answer.text
    after = table_of(pull(both))
    gone = set(before.column("token").to_pylist()) - set(
        after.column("token").to_pylist()
    )
    assert len(gone) == 1
    assert after.num_rows == before.num_rows - 1
    withheld, was = grant_of(after).withheld, grant_of(before).withheld
    assert withheld == was | {"consent.withdrawn": 1}
    said = both.records("release.pull")[-1]["payload"]["counts"]
    assert said["withheld.consent.withdrawn"] == 1
