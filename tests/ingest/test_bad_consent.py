"""Bad consent on the wire: a typed reason, a count by source, no grant, kept sealed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.app import Service
from cdp.consent import ConsentRules, NoticeRule
from cdp.consent.rules import TCFRole, TCFRule
from cdp.ingest import read_drops
from cdp.ingest.hearing import Hearing
from cdp.kernel import FixedClock
from tests.consent.banner import BANNER, anything
from tests.support.house import NO, NOON, YES, House, order
from tests.support.tcstring import core, disclosed, publisher

OURS = 7
TODAY = NOON.replace(hour=0)
COOKIE = "0a1b2c3d-0000-4000-8000-00000000abcd"


def good(created: datetime = TODAY, **more: Any) -> str:
    return f"{core(created=created, vendors=[OURS], **more)}.{disclosed([OURS])}"


def with_rules(house: House, **changes: Any) -> House:
    """Let the house decide by other rules of consent."""
    house.service.writer.close()
    rules = msgspec.structs.replace(house.core.in_force.consent, **changes)
    house.core.in_force = msgspec.structs.replace(house.core.in_force, consent=rules)
    house.service = Service(house.core)
    return house


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[House]:
    """A shop on SQLite that reads TC strings as a vendor."""
    house = House(tmp_path / "shop")
    yield with_rules(house, tcf=TCFRule(role=TCFRole.VENDOR, vendor_id=OURS))
    house.close()


def with_consent(consent: object, **context: Any) -> dict[str, Any]:
    event = order("m1", user="u1", cookie=COOKIE, preferences=None)
    own = {} if consent is None else {"consent": consent}
    return event | {"context": own | context}


def granted(house: House) -> set[str]:
    names = {rule.ordinal: key for key, rule in rules_of(house).by_key.items()}
    rows = house.rows("SELECT scope FROM consent_effective WHERE granted")
    return {names[scope] for (scope,) in rows}


def rules_of(house: House) -> ConsentRules:
    return house.core.in_force.consent


def counted(house: House) -> dict[tuple[str, str, str], int]:
    with house.core.database.snapshot() as connection:
        return {
            (line.source, line.rule, line.path): line.n
            for line in read_drops(connection)
            if line.rule.startswith("consent.")
        }


def kept_raw(house: House) -> list[bytes]:
    """What the ledger holds, unsealed: the raw forms in order."""
    rows = house.rows("SELECT raw, sha256 FROM consent_signal ORDER BY seq")
    return [
        house.core.ring.unseal("consent.raw", bytes(raw), bytes(sha256))
        for raw, sha256 in rows
    ]


TCF = "/context/consent/tcf"
GPP = "/context/consent/gpp"
MODE = "/context/consent/consentMode"
CATEGORIES = "/context/consent/categoryPreferences"
MANAGEMENT = "/context/consentManagement"

UNREADABLE: dict[str, tuple[object, str, str, bytes]] = {
    "a TC string cut short": (
        {"tcf": good()[:40]},
        "tcf.truncated",
        TCF,
        good()[:40].encode(),
    ),
    "a TC string of another alphabet": (
        {"tcf": good().replace("A", "+", 1)},
        "tcf.alphabet",
        TCF,
        good().replace("A", "+", 1).encode(),
    ),
    "a TC string with a segment twice": (
        {"tcf": f"{good()}.{disclosed([OURS])}"},
        "tcf.duplicate",
        TCF,
        f"{good()}.{disclosed([OURS])}".encode(),
    ),
    "a TC string that was last updated tomorrow": (
        {"tcf": good(TODAY + timedelta(days=1))},
        "tcf.future",
        TCF,
        good(TODAY + timedelta(days=1)).encode(),
    ),
    "a TC string without a core": (
        {"tcf": publisher()},
        "tcf.no_core",
        TCF,
        publisher().encode(),
    ),
    "a number for a TC string": ({"tcf": 5}, "tcf.not_text", TCF, b"5"),
    "a GPP string of another alphabet": (
        {"gpp": "DB=A"},
        "gpp.alphabet",
        GPP,
        b"DB=A",
    ),
    "a TC string for a GPP string": (
        {"gpp": good()},
        "gpp.",
        GPP,
        good().encode(),
    ),
    "an unknown letter of gcd": (
        {"consentMode": {"gcd": "13x3l3l3l5"}},
        "consent_mode.value",
        MODE,
        b'{"gcd":"13x3l3l3l5"}',
    ),
    "a preference that is no boolean": (
        {"categoryPreferences": {"Analytics": "conflict"}},
        "category.not_boolean",
        CATEGORIES,
        b'{"Analytics":"conflict"}',
    ),
    "consent that is no object": (
        "yes",
        "category.not_object",
        "/context/consent",
        b"yes",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_kept_counted_and_denies(shop: House, name: str) -> None:
    consent, code, path, raw = UNREADABLE[name]
    answer = shop.post("shop", [with_consent(consent)])
    assert granted(shop) == set()
    assert raw in kept_raw(shop)
    [((source, rule, where), n)] = counted(shop).items()
    assert (source, where, n) == ("shop", path, 1)
    assert rule.startswith(f"consent.{code}")
    rows = shop.rows("SELECT unreadable, grants FROM consent_signal")
    assert all(grants == 0 for _, grants in rows)
    # A server key is told, where nothing of the event may be kept.
    for error in answer["errors"]:
        assert error["code"] == "ingest.consent_missing"
        assert error["path"] == path
        assert code in error["message"]


@pytest.mark.parametrize("standard", ["tcf", "categoryPreferences"])
def test_an_unreadable_statement_closes_its_event(shop: House, standard: str) -> None:
    """Also for somebody who granted everything before."""
    shop.post("shop", [order("m0", user="u1", cookie=COOKIE, preferences=YES)])
    before = granted(shop)
    assert "analytics" in before
    answer = shop.post("shop", [with_consent({standard: "broken"})])
    assert [error["code"] for error in answer["errors"]] == ["ingest.consent_missing"]
    # What stood before still stands: nobody withdrew it.
    assert granted(shop) == before


def test_a_management_object_of_another_shape_is_kept_and_counted(shop: House) -> None:
    wrong = {"allowedConsentIds": "all", "provider": "custom"}
    shop.post("shop", [with_consent(None, consentManagement=wrong)])
    assert granted(shop) == set()
    assert counted(shop) == {("shop", "consent.rudderstack.not_list", MANAGEMENT): 1}
    assert [msgspec.json.decode(raw) for raw in kept_raw(shop)] == [wrong]


def test_an_unknown_category_is_counted_and_grants_nothing(house: House) -> None:
    preferences = {"Functional": True, "Analitycs": True}
    house.post("shop", [order("m1", user="u1", preferences=preferences)])
    assert "linking" in granted(house)
    assert "analytics" not in granted(house)
    assert counted(house) == {("shop", "consent.category.unknown", CATEGORIES): 1}


def test_a_vendor_that_the_string_does_not_know_is_counted_and_grants_nothing(
    house: House,
) -> None:
    shop = with_rules(house, tcf=TCFRule(role=TCFRole.VENDOR, vendor_id=900))
    shop.post("shop", [with_consent({"tcf": good()})])
    assert granted(shop) == set()
    assert ("shop", "consent.tcf.vendor_unknown", TCF) in counted(shop)
    assert kept_raw(shop) == [good().encode()]


def test_a_good_string_grants_and_is_kept_at_its_own_rank(shop: House) -> None:
    shop.post("shop", [with_consent({"tcf": good()})])
    assert {"linking", "analytics"} <= granted(shop)
    assert counted(shop) == {}
    assert shop.rows("SELECT carrier, rank FROM consent_signal") == [("tcf", 3)]
    assert kept_raw(shop) == [good().encode()]


CONTRADICTIONS: dict[str, tuple[object, object, str | None, set[str]]] = {
    "categories against Consent Mode": (
        {"categoryPreferences": YES, "consentMode": "G100"},
        None,
        None,
        {"analytics"},
    ),
    "categories against a TC string": (
        {"categoryPreferences": YES, "tcf": good(purposes=[])},
        None,
        None,
        {"linking", "analytics", "segmentation"},
    ),
    "allowed and denied at once": (
        None,
        {"allowedConsentIds": ["Analytics"], "deniedConsentIds": ["Analytics"]},
        None,
        {"analytics"},
    ),
    "categories against the lists": (
        {"categoryPreferences": YES},
        {"deniedConsentIds": ["Analytics"]},
        None,
        {"analytics"},
    ),
    "categories against the browser": (
        {"categoryPreferences": YES},
        None,
        "1",
        {"segmentation"},
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_statements_that_contradict_each_other_grant_nothing(
    shop: House, name: str
) -> None:
    consent, management, gpc, contested = CONTRADICTIONS[name]
    context = {} if management is None else {"consentManagement": management}
    shop.post("shop", [with_consent(consent, **context)], gpc=gpc)
    assert granted(shop).isdisjoint(contested)
    rules = [rule for _, rule, _ in counted(shop)]
    assert "consent.contradiction" in rules
    # None of them has a grant on record, so that none revives it later.
    mask = 0
    for purpose in contested:
        mask |= rules_of(shop).by_key[purpose].bit
    rows = shop.rows("SELECT grants, denies FROM consent_signal")
    assert all(not grants & mask for grants, _ in rows)
    assert any(denies & mask for _, denies in rows)


def test_the_order_of_carriers_and_a_repeat_change_nothing(shop: House) -> None:
    event = with_consent({"categoryPreferences": YES, "consentMode": "G100"})
    shop.post("shop", [event])
    signals = shop.rows("SELECT count(*) FROM consent_signal")
    before = granted(shop)
    for number in range(3):
        shop.post("shop", [event | {"messageId": f"again-{number}"}])
    assert shop.rows("SELECT count(*) FROM consent_signal") == signals
    assert granted(shop) == before
    # Counted each time: the sender still contradicts itself.
    [n] = [n for (_, rule, _), n in counted(shop).items() if rule.endswith("diction")]
    assert n == 4


def test_two_carriers_of_the_same_content_are_two_signals(shop: House) -> None:
    """One that repeats what the other says is news of its own, once."""
    everything = {"Functional": True, "Analytics": True, "Advertising": True} | {
        "DataSharing": True
    }
    ids = {"allowedConsentIds": sorted(everything)}
    events = [
        with_consent({"categoryPreferences": everything}) | {"messageId": "a"},
        with_consent(None, consentManagement=ids) | {"messageId": "b"},
        with_consent({"categoryPreferences": everything}) | {"messageId": "c"},
        with_consent(None, consentManagement=ids) | {"messageId": "d"},
    ]
    for event in events:
        shop.post("shop", [event])
    carriers = shop.rows("SELECT carrier FROM consent_signal ORDER BY seq")
    assert carriers == [("segment",), ("rudderstack",)]


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ("yesterday", "consent.decided_at.unreadable"),
        (5, "consent.decided_at.unreadable"),
        ("2026-11-25T12:06:00Z", "consent.decided_at.future"),
        ("2027-01-01T00:00:00Z", "consent.decided_at.future"),
    ],
)
def test_a_grant_of_no_time_or_of_the_future_opens_nothing(
    house: House, stated: object, code: str
) -> None:
    consent = {"categoryPreferences": YES, "decidedAt": stated}
    house.post("shop", [with_consent(consent)])
    assert granted(house) == set()
    assert counted(house) == {("shop", code, "/context/consent/decidedAt"): 1}
    [(denies,)] = house.rows("SELECT denies FROM consent_signal")
    assert denies  # what was refused is refused all the same


def test_when_somebody_decided_makes_a_grant_older_and_no_denial(house: House) -> None:
    old = {"categoryPreferences": YES, "decidedAt": "2024-01-01T00:00:00Z"}
    house.post("shop", [with_consent(old)])
    [(grants_at, denies_at)] = house.rows(
        "SELECT grants_at, denies_at FROM consent_signal"
    )
    instant = datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1e6
    assert (grants_at, denies_at) == (instant, NOON.timestamp() * 1e6)
    # Consent of almost three years ago has run out in Korea (P2Y).
    assert "analytics" not in granted(house)


def test_a_change_event_may_carry_any_part(shop: House) -> None:
    change = with_consent({"tcf": good()}) | {
        "event": "Segment Consent Preference Updated"
    }
    assert shop.post("shop", [change])["okEvents"] == 1
    assert "analytics" in granted(shop)
    lists = with_consent(None, consentManagement={"deniedConsentIds": ["Analytics"]})
    cast("FixedClock", shop.clock).advance(timedelta(seconds=1))
    later = {
        "event": "Segment Consent Preference Updated",
        "messageId": "m2",
        "timestamp": "2026-11-25T12:00:01Z",
    }
    assert shop.post("shop", [lists | later])["okEvents"] == 1
    assert "analytics" not in granted(shop)


def test_a_batch_may_carry_the_lists_for_its_events(shop: House) -> None:
    """The event's own object is taken whole, before that of its batch."""
    own = {"consentManagement": {"deniedConsentIds": ["Analytics"]}}
    events = [
        order("m1", user="u1", preferences=None),
        order("m2", user="u2", preferences=None) | {"context": own},
    ]
    of_batch = {"consentManagement": {"allowedConsentIds": ["Analytics"]}}
    body = {"batch": events, "context": of_batch, "sentAt": NOON.isoformat()}
    shop.source("shop")
    shop.send("shop", msgspec.json.encode(body))
    bit = rules_of(shop).by_key["analytics"].bit
    rows = shop.rows("SELECT carrier, grants, denies FROM consent_signal ORDER BY seq")
    assert rows == [("rudderstack", bit, 0), ("rudderstack", 0, bit)]


def test_a_public_key_is_told_nothing(shop: House) -> None:
    shop.source("web", kind="public")
    answer = shop.post("web", [with_consent({"tcf": "broken"})])
    assert answer["ok"] is True
    assert answer["errors"] == []


def test_a_banner_speaks_under_the_notice_of_its_source() -> None:
    rules = msgspec.structs.replace(
        BANNER, notices={"banner-7": NoticeRule(key="banner-7", covers={})}
    )
    hearing = Hearing(rules, {"shop": "banner-7"})
    heard = hear(hearing, {"categoryPreferences": YES, "gpc": True})
    assert {one.carrier: one.notice for one in heard.statements} == {
        "segment": "banner-7",
        "gpc": None,
    }
    elsewhere = hear(hearing, {"categoryPreferences": YES}, source="app")
    assert [one.notice for one in elsewhere.statements] == [None]


def hear(hearing: Hearing, consent: object, source: str = "shop") -> Any:
    from cdp.ingest.event import Event  # noqa: PLC0415 - one test builds one by hand

    event = Event(
        index=0,
        message_id="m",
        kind="track",
        name=None,
        occurred_at=NOON,
        sent_at=NOON,
        time_flag="ok",
        item={},
        consent=consent,
        previous=None,
        content=b"",
    )
    return hearing.hear(event, source=source, place="KR", received_at=NOON, gpc=None)


@given(st.lists(anything | st.fixed_dictionaries({"categoryPreferences": anything})))
def test_what_was_heard_before_is_heard_the_same(consents: list[object]) -> None:
    """A memory of readings changes no reading."""
    hearing = Hearing(BANNER, {})
    for consent in [*consents, *consents]:
        assert hear(hearing, consent) == hear(Hearing(BANNER, {}), consent)


@settings(max_examples=40)
@given(consent=anything, management=anything)
def test_no_consent_object_costs_a_request(
    still: House, consent: object, management: object
) -> None:
    event = with_consent(consent, consentManagement=management)
    text = msgspec.json.encode({"batch": [event]})
    answer = still.send("shop", text)
    assert answer["receivedEvents"] == 1


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Any:
    house = House(tmp_path_factory.mktemp("still"))
    house.source("shop")
    yield house
    house.close()


def test_no_is_still_no(house: House) -> None:
    house.post("shop", [order("m1", user="u1", preferences=NO)])
    assert granted(house) == set()
    assert counted(house) == {}
