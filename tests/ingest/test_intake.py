"""What an event leaves behind: decided by consent, minimized, counted once."""

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.kernel import FixedClock
from tests.support.house import NO, YES, House, consent, order

COOKIE = "0a1b2c3d-0000-4000-8000-00000000abcd"
OTHER = "0a1b2c3d-0000-4000-8000-00000000ffff"


def inbox(house: House) -> list[tuple[Any, ...]]:
    return house.rows("SELECT handle, closed, row FROM lake_inbox ORDER BY seq, n")


def profiles(house: House) -> list[int]:
    """The sizes of the profiles that stand now."""
    found = house.rows(
        "SELECT count(*) FROM member WHERE to_seq IS NULL GROUP BY profile_id"
    )
    return sorted(row[0] for row in found)


def test_a_granted_event_is_kept_under_its_anchor_and_links(house: House) -> None:
    answer = house.post("shop", [order("m1", user="u1", cookie=COOKIE)])
    assert answer == {
        "success": True,
        "ok": True,
        "receivedEvents": 1,
        "okEvents": 1,
        "errors": [],
    }
    [(handle, closed, row)] = inbox(house)
    assert handle is not None
    # One category was not asked for: the purpose that needs it is denied, no other.
    assert closed == 1 << house.core.in_force.bits["advertising.share"]
    assert msgspec.msgpack.decode(row)["revenue"] == 125_000
    assert profiles(house) == [2]


def test_silence_in_an_opt_in_jurisdiction_keeps_no_identity(house: House) -> None:
    event = order("m1", user="u1", cookie=COOKIE, preferences=None)
    assert house.post("shop", [event])["ok"] is True
    [(handle, _, _)] = inbox(house)
    assert handle is None
    assert house.rows("SELECT * FROM identifier") == []


def test_silence_in_an_opt_out_jurisdiction_is_the_policys_default(
    house: House,
) -> None:
    house.source("us", jurisdiction="US-CA")
    event = order("m1", user="u1", cookie=COOKIE, preferences=None)
    house.post("us", [event])
    [(handle, _, _)] = inbox(house)
    assert handle is not None


def test_a_denial_is_remembered_and_nothing_else_with_it(house: House) -> None:
    event = order("m1", user="u1", cookie=COOKIE, preferences=NO)
    answer = house.post("shop", [event])
    assert answer["okEvents"] == 0
    assert answer["errors"][0]["code"] == "ingest.consent_missing"
    assert inbox(house) == []
    assert len(house.rows("SELECT * FROM identifier")) == 2
    assert len(house.rows("SELECT * FROM consent_signal")) == 1


def test_a_public_key_is_not_told_about_consent(house: House) -> None:
    house.source("web", kind="public")
    event = order("m1", user="u1", cookie=COOKIE, preferences=NO)
    assert house.post("web", [event])["ok"] is True
    assert inbox(house) == []


def test_a_refused_event_leaves_no_key_so_a_corrected_one_is_new(house: House) -> None:
    house.post("shop", [order("m1", user="u1", preferences=NO)])
    later = cast("FixedClock", house.clock)
    later.advance(timedelta(minutes=5))
    event = order("m1", user="u1", timestamp="2026-11-25T12:04:00Z")
    assert house.post("shop", [event])["okEvents"] == 1
    assert len(inbox(house)) == 1


def test_a_stamp_that_repeats_is_not_a_new_decision(house: House) -> None:
    for number in range(5):
        house.post("shop", [order(f"m{number}", user="u1", cookie=COOKIE)])
    assert len(house.rows("SELECT * FROM consent_signal")) == 1
    assert len(inbox(house)) == 5


def test_one_message_id_counts_once(house: House) -> None:
    first = order("m1", user="u1")
    assert house.post("shop", [first, first])["okEvents"] == 2
    assert house.post("shop", [first])["okEvents"] == 1
    assert len(inbox(house)) == 1
    counts = house.rows(
        "SELECT outcome, sum(n) FROM ingest_count GROUP BY outcome ORDER BY outcome"
    )
    assert [(row[0], int(row[1])) for row in counts] == [
        ("accepted", 1),
        ("deduplicated", 2),
    ]


def test_the_same_id_with_other_content_keeps_the_first(house: House) -> None:
    house.post("shop", [order("m1", user="u1")])
    house.post("shop", [order("m1", user="u1", properties={"revenue": 99.0})])
    [(_, _, row)] = inbox(house)
    assert msgspec.msgpack.decode(row)["revenue"] == 125_000
    [(n,)] = house.rows("SELECT n FROM ingest_count WHERE code = 'duplicate_conflict'")
    assert n == 1


def test_a_partial_denial_closes_the_event_for_what_was_denied(house: House) -> None:
    partial = {"Functional": True, "Analytics": True, "Advertising": False}
    house.post("shop", [order("m1", user="u1", preferences=partial)])
    [(handle, closed, row)] = inbox(house)
    bits = house.core.in_force.bits
    assert handle is not None
    assert closed >> bits["segmentation"] & 1
    assert not closed >> bits["analytics"] & 1
    # What was bought is a feature of segmentation alone: it is not even stored.
    assert "categories" not in msgspec.msgpack.decode(row)


def test_gpc_denies_the_browser_and_the_person_who_signs_in(house: House) -> None:
    house.source("us", jurisdiction="US-CA")
    house.post("us", [order("m1", cookie=COOKIE, preferences=None)], gpc="1")
    house.post("us", [order("m2", user="u1", cookie=COOKIE, preferences=None)])
    bit = house.core.in_force.bits["segmentation"]
    granted = house.rows("SELECT scope FROM consent_effective WHERE granted")
    assert (bit,) not in granted
    assert all(closed >> bit & 1 for _, closed, _ in inbox(house))


def test_a_withdrawal_in_a_batch_binds_the_events_after_it(house: House) -> None:
    answer = house.post(
        "shop",
        [
            order("m1", user="u1", cookie=COOKIE),
            order(
                "m2",
                user="u1",
                cookie=COOKIE,
                preferences=NO,
                timestamp="2026-11-25T11:30:00Z",
            ),
            order("m3", cookie=COOKIE, preferences=None),
        ],
    )
    assert [error["index"] for error in answer["errors"]] == [1, 2]
    assert len(inbox(house)) == 1


def test_an_unreadable_consent_object_denies_the_event(house: House) -> None:
    event = order("m1", user="u1", preferences={"Advertising": "yes"})
    assert house.post("shop", [event])["okEvents"] == 0
    assert inbox(house) == []


def test_two_people_on_one_cookie_are_not_one_person(house: House) -> None:
    house.post("shop", [order("m1", user="u1", cookie=COOKIE)])
    house.post("shop", [order("m2", user="u2", cookie=COOKIE)])
    assert profiles(house) == [1, 1, 1]


def test_a_denial_of_linking_splits_and_keeps_the_denials(house: House) -> None:
    house.post("shop", [order("m1", user="u1", cookie=COOKIE)])
    assert profiles(house) == [2]
    only_no_linking = {"Functional": False, "Analytics": True, "Advertising": True}
    event = order(
        "m2",
        user="u1",
        preferences=only_no_linking,
        timestamp="2026-11-25T11:30:00Z",
    )
    house.post("shop", [event])
    assert profiles(house) == [1, 1]
    house.post("shop", [order("m3", user="u1", cookie=COOKIE, preferences=None)])
    assert profiles(house) == [1, 1]


def test_a_verified_alias_renames_and_a_claimed_one_does_not(house: House) -> None:
    house.source("web", kind="public")

    def alias(message_id: str, new: str, old: str) -> dict[str, Any]:
        return {
            "type": "alias",
            "messageId": message_id,
            "userId": new,
            "previousId": old,
            "context": consent(YES),
        }

    for number, user in enumerate(["u1", "u2", "u3", "u4"]):
        house.post("shop", [order(f"m{number}", user=user)])
    house.post("shop", [alias("a1", "u2", "u1")])
    house.post("web", [alias("a2", "u4", "u3")])
    assert profiles(house) == [1, 1, 2]


def test_a_time_out_of_range_is_set_aside_and_ok(house: House) -> None:
    event = order("m1", user="u1", timestamp="2025-10-01T00:00:00Z")
    assert house.post("shop", [event])["ok"] is True
    assert inbox(house) == []
    [(rule, path)] = house.rows("SELECT rule, path FROM lake_quarantine")
    assert (rule, path) == ("ingest.time_range", "/timestamp")


def test_a_field_that_no_policy_names_is_dropped_and_counted(house: House) -> None:
    event = order("m1", user="u1", favourite_colour="SENTINEL-blue")
    event["properties"]["shoe_size"] = "SENTINEL-44"
    house.post("shop", [event])
    found = house.rows("SELECT rule, path, n FROM ingest_drop ORDER BY path")
    assert ("unknown_field", "favourite_colour", 1) in found
    assert ("unknown_field", "properties.shoe_size", 1) in found


def test_no_value_of_a_person_reaches_the_folder(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    email = "minji.kim@sentinel-mail.kr"
    event = order("m-sentinel-1", user="sentinel-user-1", cookie=COOKIE)
    event["type"] = "identify"
    event["traits"] = {"email": email, "name": "SENTINEL-name", "x": "SENTINEL-x"}
    house.post("shop", [event, order("m2", user="sentinel-user-2", preferences=NO)])
    house.core.publish()
    house.core.lake.flush(house.core.shape)
    house.close()
    sentinels = [email, "sentinel-user", COOKIE, "SENTINEL", "m-sentinel-1"]
    for file in (tmp_path / "house").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            for sentinel in sentinels:
                assert sentinel.encode() not in content, file.name


def test_a_revoked_source_stores_nothing_from_that_moment(house: House) -> None:
    from cdp.auth import set_source_state  # noqa: PLC0415 - this test alone
    from cdp.ingest.errors import KeyUnknownError  # noqa: PLC0415

    house.post("shop", [order("m1", user="u1")])
    with house.core.database.transaction() as connection:
        set_source_state(connection, "shop", "revoked")
    # The map of keys is at most a second old; the transaction asks again.
    with pytest.raises(KeyUnknownError):
        house.post("shop", [order("m2", user="u1")])
    assert len(inbox(house)) == 1


def test_every_request_has_its_record(house: House) -> None:
    for number in range(3):
        house.post("shop", [order(f"m{number}", user="u1")])
    house.core.log.sequence(house.core.database)
    house.core.log.publish(house.core.database)
    report = house.core.log.verify(house.core.database)
    assert report.ok
    with house.core.database.snapshot() as connection:
        from cdp.audit import AuditFilter, Kind  # noqa: PLC0415 - this test alone

        page = house.core.log.query(
            connection, AuditFilter(kind=Kind.EVENT_INGEST), after=None, limit=10
        )
    assert len(page.records) == 3


GOOD = [order(f"g{number}", user=f"u{number}", cookie=None) for number in range(3)]
BAD: list[Any] = [
    {"type": "track", "messageId": "b0"},
    {"type": "unknown", "messageId": "b1"},
    "not an object",
    {"type": "group", "userId": "u1", "messageId": "b2"},
]


@given(st.permutations(list(itertools.chain(GOOD, BAD))))
@settings(max_examples=15)
def test_any_order_of_good_and_bad_items_keeps_the_same_set(
    tmp_path_factory: pytest.TempPathFactory, items: list[Any]
) -> None:
    house = House(tmp_path_factory.mktemp("house"))
    answer = house.post("shop", items)
    house_rows = len(inbox(house))
    house.close()
    assert house_rows == len(GOOD)
    assert answer["okEvents"] == len(GOOD)
    codes = {error["code"] for error in answer["errors"]}
    assert codes == {
        "ingest.missing_event",
        "ingest.unknown_type",
        "ingest.not_an_object",
        "ingest.missing_group",
    }


def test_a_batch_that_never_settles_is_bounded_and_said_so(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    wavering = [
        order(
            f"m{number}",
            user="u1",
            preferences=NO if number % 2 else YES,
            timestamp=f"2026-11-25T10:{number // 60:02}:{number % 60:02}Z",
        )
        for number in range(100)
    ]
    answer = house.post("shop", wavering)
    codes = [error["code"] for error in answer["errors"]]
    assert codes.count("ingest.entangled") == 100 - 65
    again = [wavering[error["index"]] for error in answer["errors"][-10:]]
    told = house.post("shop", again)
    house.close()
    assert "ingest.entangled" not in {error["code"] for error in told["errors"]}
