"""What may be said at the desk, what is refused and counted, and what is kept of it."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from cdp.consent import (
    Default,
    JurisdictionRule,
    NoticeRule,
    ScopeRule,
    Standard,
)
from cdp.consent.rules import TCFRole, TCFRule
from cdp.gate import Subject
from cdp.ingest import (
    ConsentDesk,
    DecisionKept,
    DecisionRefusedError,
    PersonDecision,
    RawStatement,
    read_drops,
    read_refusals,
)
from cdp.ingest.decision import LEVELS
from cdp.kernel import FixedClock, Handle
from tests.support.house import NOON, House, order
from tests.support.tcstring import core, disclosed

COOKIE = "0a1b2c3d-0000-4000-8000-00000000abcd"
OURS = 7
CLASSES = {"analytics": "usage", "segmentation": "promotion", "marketing.email": "ads"}
LEVEL = {"segmentation": 1, "advertising.share": 3}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[House]:
    """A Korean shop that takes consents separately, on SQLite."""
    house = House(tmp_path / "house")
    rules = house.core.in_force.consent
    scopes = tuple(_scope(scope) for scope in rules.scopes)
    partner = max(scope.ordinal for scope in scopes) + 1
    share = next(one for one in scopes if one.purpose == "advertising.share")
    everything = (1 << 63) - 1
    rules = msgspec.structs.replace(
        rules,
        scopes=(
            *scopes,
            msgspec.structs.replace(share, ordinal=partner, recipient="partner"),
        ),
        jurisdictions=dict(rules.jurisdictions)
        | {
            "KR": JurisdictionRule(
                key="KR", default=Default.OPT_IN, zone="Asia/Seoul", separates=True
            ),
            "unknown": JurisdictionRule(
                key="unknown", default=Default.OPT_IN, zone="UTC"
            ),
        },
        notices={
            "banner-7": NoticeRule(
                key="banner-7",
                covers=dict.fromkeys(["KR", "EU", "unknown"], everything),
            )
        },
        tcf=TCFRule(role=TCFRole.VENDOR, vendor_id=OURS),
    )
    house.core.in_force = msgspec.structs.replace(house.core.in_force, consent=rules)
    yield house
    house.close()


def _scope(scope: ScopeRule) -> ScopeRule:
    asked = CLASSES.get(scope.purpose)
    return msgspec.structs.replace(
        scope,
        separate={} if asked is None else {"KR": asked},
        level=LEVEL.get(scope.purpose),
        recipient=None,
    )


def desk_of(house: House) -> ConsentDesk:
    built = house.core
    return ConsentDesk(
        in_force=built.in_force,
        log=built.log,
        ring=built.ring,
        writer=house.service.writer,
        clock=built.clock,
    )


def decide(
    house: House, verdicts: dict[str, str] | None = None, **more: Any
) -> DecisionKept:
    decision = PersonDecision(
        subject=Subject(namespace="user_id", value="u1"), verdicts=verdicts or {}
    )
    return desk_of(house).take(msgspec.structs.replace(decision, **more))


def signals(house: House, columns: str) -> list[tuple[Any, ...]]:
    return house.rows(f"SELECT {columns} FROM consent_signal ORDER BY seq")  # noqa: S608 - columns of ours


def refused(house: House) -> dict[tuple[str, str], int]:
    with house.core.database.snapshot() as connection:
        return {(line.source, line.code): line.n for line in read_refusals(connection)}


def counted(house: House) -> dict[tuple[str, str, str], int]:
    with house.core.database.snapshot() as connection:
        return {
            (line.source, line.rule, line.path): line.n
            for line in read_drops(connection)
        }


YES = {"analytics": "grant"}
BUNDLE = {"analytics": "grant", "segmentation": "grant"}
TEXT = {"standard": "consent_mode", "value": "G111"}
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing": ({}, "consent.invalid", "grant or deny"),
    "an unknown purpose": (
        {"verdicts": {"world.domination": "grant"}},
        "consent.unknown_purpose",
        "1 of the purposes",
    ),
    "a denial of an unknown purpose": (
        {"verdicts": {"world.domination": "deny"}},
        "consent.unknown_purpose",
        "the policy; it has",
    ),
    "a word that is no verdict": (
        {"verdicts": {"analytics": "maybe"}},
        "consent.invalid",
        "grant or deny",
    ),
    "two things at once": (
        {"verdicts": YES, "level": 1},
        "consent.invalid",
        "one of them",
    ),
    "a statement and verdicts": (
        {"verdicts": YES, "statement": RawStatement(**TEXT)},
        "consent.invalid",
        "one of them",
    ),
    "the future": (
        {"verdicts": YES, "decided_at": NOON + timedelta(seconds=1)},
        "consent.future",
        "future",
    ),
    "a denial of the future": (
        {"verdicts": {"analytics": "deny"}, "decided_at": NOON + timedelta(days=1)},
        "consent.future",
        "future",
    ),
    "an unknown jurisdiction": (
        {"verdicts": YES, "jurisdiction": "Atlantis"},
        "consent.invalid",
        "jurisdiction",
    ),
    "a grant under an unknown notice": (
        {"verdicts": YES, "notice": "banner-8"},
        "consent.unknown_notice",
        "banner-7",
    ),
    "a guardian nobody verified": (
        {"verdicts": YES, "actor": "guardian"},
        "consent.guardian_unverified",
        "guardian_check",
    ),
    "a bundle": (
        {"verdicts": BUNDLE, "jurisdiction": "KR"},
        "consent.bundled",
        "promotion, usage; send one request for each",
    ),
    "a reminder by the person": (
        {"verdicts": {"analytics": "remind"}},
        "consent.invalid",
        "operator",
    ),
    "a reminder with a grant": (
        {
            "verdicts": {"analytics": "remind", "segmentation": "grant"},
            "actor": "operator",
        },
        "consent.invalid",
        "no decision",
    ),
    "a level that is none": ({"level": 4}, "consent.invalid", "0 to 3"),
    "a statement of no standard": (
        {"statement": RawStatement(standard="telepathy", value="1")},
        "consent.invalid",
        "rudderstack",
    ),
    "a statement without a value": (
        {"statement": RawStatement(standard="tcf", value=None)},
        "consent.invalid",
        "value",
    ),
    "a statement that is too long": (
        {"statement": RawStatement(standard="segment", value={"x": "y" * 40_000})},
        "consent.invalid",
        "32768 bytes",
    ),
    "nobody": ({"verdicts": YES, "subject": None}, "consent.invalid", "one person"),
    "two people": (
        {"verdicts": YES, "handle": Handle(1)},
        "consent.invalid",
        "one person",
    ),
    "no identifier": (
        {"verdicts": YES, "subject": Subject(namespace="user_id", value="null")},
        "consent.invalid",
        "identifier",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_counted_by_its_code_and_leaves_nothing(
    shop: House, name: str
) -> None:
    wrong, code, message = REFUSED[name]
    with pytest.raises(DecisionRefusedError, match=message) as error:
        decide(shop, **wrong)
    assert error.value.code == code
    assert "Atlantis" not in str(error.value)
    assert "world" not in str(error.value)
    assert refused(shop) == {("(desk)", code): 1}
    for table in ("consent_signal", "consent_effective", "identifier"):
        assert shop.rows(f"SELECT * FROM {table}") == []  # noqa: S608 - names of ours


DENIED = {"analytics": "deny", "segmentation": "deny"}


@pytest.mark.parametrize(
    "more",
    [
        {"notice": "banner-8"},
        {"actor": "guardian"},
        {"jurisdiction": "KR"},
        {"actor": "agent", "notice": "old"},
    ],
)
def test_a_denial_is_never_refused_for_what_a_grant_lacks(
    shop: House, more: dict[str, Any]
) -> None:
    kept = decide(shop, DENIED, **more)
    assert not any(state.granted for state in kept.states.values())
    assert refused(shop) == {}


def test_separate_consents_come_one_by_one(shop: House) -> None:
    for purpose in BUNDLE:
        kept = decide(shop, {purpose: "grant"}, jurisdiction="KR")
        assert kept.states[purpose].granted
    # One class, and what has no class, may come together.
    decide(shop, {"analytics": "grant", "linking": "grant"}, jurisdiction="KR")
    decide(shop, {"analytics": "grant", "segmentation": "deny"}, jurisdiction="KR")
    assert refused(shop) == {}


def test_where_the_person_is_known_to_be_counts_too(shop: House) -> None:
    """Naming another place does not lift what holds in this one (R19)."""
    decide(shop, {"linking": "deny"}, jurisdiction="KR")
    for more in ({}, {"jurisdiction": "EU"}):
        with pytest.raises(DecisionRefusedError) as error:
            decide(shop, BUNDLE, **more)
        assert error.value.code == "consent.bundled"
    assert len(signals(shop, "seq")) == 1


def test_a_place_that_does_not_separate_takes_a_bundle(shop: House) -> None:
    kept = decide(shop, BUNDLE, jurisdiction="EU")
    assert all(state.granted for state in kept.states.values())


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_opens_what_it_reaches_and_closes_the_rest(
    shop: House, level: int
) -> None:
    kept = decide(shop, level=level, jurisdiction="EU")
    assert {key: state.granted for key, state in kept.states.items()} == {
        "segmentation": level >= 1,
        "advertising.share": level >= 3,
        "advertising.share>partner": level >= 3,
    }
    assert signals(shop, "rank, carrier") == [(1, "api")]


def test_a_verdict_on_a_purpose_is_one_on_its_recipients(shop: House) -> None:
    kept = decide(shop, {"advertising.share": "grant"}, jurisdiction="EU")
    assert set(kept.states) == {"advertising.share", "advertising.share>partner"}
    assert all(state.granted for state in kept.states.values())


def test_a_reminder_is_recorded_and_grants_nothing(shop: House) -> None:
    kept = decide(shop, {"analytics": "remind"}, actor="operator", form="mail-2026")
    assert not kept.states["analytics"].granted
    bit = shop.core.in_force.consent.by_key["analytics"].bit
    assert signals(shop, "kind, grants, actor") == [(3, bit, "operator")]


def test_the_proof_is_kept_and_the_device_only_as_a_digest(shop: House) -> None:
    address, agent = "203.0.113.7", "Mozilla/5.0 (probe)"
    decide(
        shop,
        YES,
        form="settings-3",
        method="website",
        actor="guardian",
        guardian_check="phone_identity",
        device_address=address,
        agent=agent,
        notice="banner-7",
        evidence="plain",
        carrier="page",
    )
    decide(shop, {"linking": "deny"}, device_address=address, agent=agent)
    decide(shop, {"linking": "deny"}, device_address="203.0.113.8", agent=agent)
    rows = signals(shop, "*")
    columns = [row[0] for row in _columns(shop)]
    first, second, third = (dict(zip(columns, row, strict=True)) for row in rows)
    assert first["carrier"] == "page"
    assert (first["notice"], first["evidence"]) == ("banner-7", "plain")
    held = str(rows) + str(shop.rows("SELECT * FROM audit_queue"))
    assert address not in held
    assert agent not in held
    told = set(map(str, first.values()))
    assert {"settings-3", "website", "phone_identity"} <= told
    digests = [row["device"] for row in (first, second, third)]
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == 32


def _columns(house: House) -> list[tuple[Any, ...]]:
    return house.rows("SELECT name FROM pragma_table_info('consent_signal')")


def test_an_age_is_kept_as_the_day_it_came_to(shop: House) -> None:
    decide(shop, {"analytics": "deny"}, age=13, jurisdiction="KR")
    [(born,)] = shop.rows("SELECT born_by FROM consent_age")
    # Noon UTC of 25 November is still that day in Seoul.
    assert date.fromordinal(born) == date(2013, 11, 25)


TC = f"{core(created=NOON.replace(hour=0), vendors=[OURS])}.{disclosed([OURS])}"
GRANTS: dict[Standard, tuple[object, int]] = {
    Standard.TCF: (TC, 3),
    Standard.CONSENT_MODE: ({"gcd": "13r3r3r3r5l1"}, 5),
    Standard.SEGMENT: ({"categoryPreferences": {"Analytics": True}}, 4),
    Standard.RUDDERSTACK: ({"allowedConsentIds": ["Analytics"]}, 4),
    Standard.SNOWPLOW: (
        {
            "eventType": "allow_all",
            "basisForProcessing": "consent",
            "consentScopes": ["Analytics"],
        },
        4,
    ),
}


@pytest.mark.parametrize("standard", GRANTS)
def test_a_raw_statement_keeps_its_own_rank_and_carrier(
    shop: House, standard: Standard
) -> None:
    value, rank = GRANTS[standard]
    kept = decide(shop, statement=RawStatement(standard=standard.value, value=value))
    assert kept.problem is None
    assert kept.states["analytics"].granted
    assert signals(shop, "carrier, rank") == [(standard.value, rank)]


def test_a_raw_statement_overturns_no_word_of_the_person(shop: House) -> None:
    decide(shop, {"analytics": "deny"})
    cast("FixedClock", shop.clock).advance(timedelta(seconds=1))
    for standard, (value, _) in GRANTS.items():
        kept = decide(
            shop, statement=RawStatement(standard=standard.value, value=value)
        )
        assert not kept.states["analytics"].granted


UNREAD: dict[Standard, tuple[object, str]] = {
    Standard.TCF: (TC[:30], "tcf.truncated"),
    Standard.GPP: ("DB+A", "gpp.alphabet"),
    Standard.CONSENT_MODE: ("13x3l3l3l5", "consent_mode.value"),
    Standard.GA4: ({"ad_storage": "GRANTED"}, "ga4.signal_unknown"),
    Standard.SEGMENT: (
        {"categoryPreferences": {"Analytics": "yes"}},
        "category.not_boolean",
    ),
    Standard.RUDDERSTACK: ({"allowedConsentIds": "all"}, "rudderstack.not_list"),
    Standard.SNOWPLOW: ({"eventType": "allow_all"}, "snowplow.basis"),
    Standard.GPC: (5, "gpc.not_boolean"),
}


@pytest.mark.parametrize("standard", UNREAD)
def test_a_statement_that_cannot_be_read_is_kept_counted_and_told(
    shop: House, standard: Standard
) -> None:
    value, code = UNREAD[standard]
    kept = decide(shop, statement=RawStatement(standard=standard.value, value=value))
    assert kept.problem == code
    assert not any(state.granted for state in kept.states.values())
    [(raw, digest, grants)] = signals(shop, "raw, sha256, grants")
    assert grants == 0
    opened = shop.core.ring.unseal("consent.raw", raw, digest)
    expected = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
    assert opened == expected
    assert counted(shop) == {("(desk)", f"consent.{code}", "/statement"): 1}


def test_gpc_of_a_statement_is_an_opt_out_of_the_browser(shop: House) -> None:
    kept = decide(shop, statement=RawStatement(standard="gpc", value="1"))
    assert kept.states["segmentation"].reason == "consent.gpc"
    assert signals(shop, "kind, rank, carrier") == [(1, 2, "gpc")]


def test_a_statement_that_says_nothing_is_on_record(shop: House) -> None:
    kept = decide(shop, statement=RawStatement(standard="consent_mode", value="G1--"))
    assert kept.states == {}
    assert signals(shop, "grants, denies, ends, unreadable") == [(0, 0, 0, 0)]


def test_a_statement_speaks_for_its_device_and_a_word_for_the_person(
    shop: House,
) -> None:
    shop.post("shop", [order("m1", user="u1", cookie=COOKIE)])
    before = len(shop.rows("SELECT * FROM consent_binding"))
    decide(shop, statement=RawStatement(standard="consent_mode", value="G100"))
    assert len(shop.rows("SELECT * FROM consent_binding")) == before + 1
    decide(shop, {"analytics": "deny"})
    assert len(shop.rows("SELECT * FROM consent_binding")) == before + 3


def test_a_known_handle_stands_for_its_person(shop: House) -> None:
    decide(shop, {"analytics": "deny"})
    [(handle,)] = shop.rows("SELECT DISTINCT handle FROM consent_binding")
    cast("FixedClock", shop.clock).advance(timedelta(seconds=1))
    kept = decide(shop, YES, subject=None, handle=Handle(handle), carrier="page")
    assert kept.states["analytics"].granted
    assert len(shop.rows("SELECT * FROM identifier")) == 1


def test_a_receipt_is_issued_in_the_transaction_of_its_decision(shop: House) -> None:
    built = shop.core
    seen: list[Any] = []

    def issue(_connection: object, taken: Any) -> str:
        seen.append(taken)
        return "receipt-1"

    desk = ConsentDesk(
        in_force=built.in_force,
        log=built.log,
        ring=built.ring,
        writer=shop.service.writer,
        clock=built.clock,
        issue=issue,
    )
    kept = desk.take(
        PersonDecision(subject=Subject(namespace="user_id", value="u1"), verdicts=YES)
    )
    assert kept.receipt == "receipt-1"
    [taken] = seen
    assert (taken.seq, taken.record, taken.states) == (
        kept.seq,
        kept.record,
        kept.states,
    )


def test_a_clock_that_was_set_back_hides_nothing(shop: House) -> None:
    decide(shop, {"analytics": "deny"})
    cast("FixedClock", shop.clock).advance(timedelta(hours=-2))
    kept = decide(shop, {"analytics": "deny", "segmentation": "deny"})
    assert {state.reason for state in kept.states.values()} == {"consent.denied"}
