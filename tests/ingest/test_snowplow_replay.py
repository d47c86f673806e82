"""Published consent events, imported, come to the published tables.

The events are those of Snowplow's web model, with the tables that its authors expect of
them. What is compared is computed from our decisions, person by person, through the
gate. All events carry one user id, so each is imported by its cookie, the
``domain_userid``.

Where our rules differ, they differ on purpose, and the difference is named here:

- ``deny_all`` lists ``necessary`` among its scopes. To us it denies every scope that a
  banner asks for, listed ones too. As a purpose that rests on a contract, nobody is
  asked for ``necessary`` and the published 13 are 13; as a category that is asked for
  they are 10, and the other three are the three who denied all.
- ``marketing`` is the purpose ``advertising`` here: no banner can consent to the
  sending of ads, and lint refuses a purpose ``marketing`` that lists a category.
- A visitor who saw the banner and never answered counts as a user there. Here nobody
  said anything, so nothing is known of that visitor.
"""

import csv
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from cdp.audit import Kind
from cdp.auth import Caller
from cdp.gate import (
    AccessRequest,
    ConsentExplained,
    Granted,
    PersonDoors,
    Subject,
    check_relation,
)
from cdp.ingest import BulkImport, ImportTerms, Written
from tests.support.house import House

HERE = Path(__file__).parent
DATA = HERE.parents[1].parent / "shared" / "data" / "snowplow_web"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the published Snowplow web data are not beside the tree"
)

# Their scopes, and the purposes that they are here.
SCOPES = {
    "statistics": "statistics",
    "marketing": "advertising",
    "preferences": "preferences",
}
NEWEST = "2.0"
TERMS = ImportTerms(basis="GDPR 7(1), banner of 2021", operator="kim")
OFFICER = AccessRequest(
    caller=Caller(
        client_id="c_officer",
        name="officer",
        roles=("officer",),
        purposes=("compliance",),
        token_id="t1",
    ),
    what=Kind.CONSENT_READ,
    purpose="compliance",
)

Row: TypeAlias = dict[str, str]


def table(name: str) -> list[Row]:
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def expected(name: str) -> list[Row]:
    return table(f"expected/snowplow_web_consent_{name}_expected.csv")


def lines() -> list[dict[str, Any]]:
    """Return the consent events as lines of an import, repeated rows too."""
    events = {row["event_id"]: row for row in table("source/snowplow_web_events.csv")}
    found = []
    for row in table("source/snowplow_web_consent_preferences.csv"):
        event = events[row["root_id"]]
        found.append(
            {
                "namespace": "cookie",
                "value": event["domain_userid"],
                "decided_at": event["derived_tstamp"].replace(" ", "T") + "Z",
                "standard": "snowplow",
                "jurisdiction": "EU",
                "signal": {
                    "eventType": row["event_type"],
                    "basisForProcessing": row["basis_for_processing"],
                    "consentVersion": row["consent_version"],
                    "consentScopes": json.loads(row["consent_scopes"]),
                    "consentUrl": row["consent_url"],
                    "domainsApplied": json.loads(row["domains_applied"]),
                    "gdprApplies": row["gdpr_applies"] == "TRUE",
                },
            }
        )
    return found


class Replay:
    """A house that the events were imported into, and what it decides now."""

    def __init__(self, root: Path) -> None:
        policies = root / "policies"
        policies.mkdir(parents=True)
        shutil.copy(HERE / "snowplow.yaml", policies)
        self.house = House(root / "house", policies=policies)
        self.file = root / "events.ndjson"
        self.file.write_text("\n".join(map(json.dumps, lines())), encoding="utf-8")
        self.written = self.run()

    def run(self) -> Written:
        core = self.house.core
        bulk = BulkImport(
            in_force=core.in_force,
            log=core.log,
            ring=core.ring,
            writer=self.house.service.writer,
            clock=core.clock,
            batch_lines=10,
        )
        faults: list[object] = []
        bulk.check(
            self.file, TERMS, on_fault=faults.append, progress=lambda _done: None
        )
        assert not faults
        return bulk.write(self.file, TERMS, skip_bad=False, progress=lambda _done: None)

    @property
    def doors(self) -> PersonDoors:
        core = self.house.core
        return PersonDoors(
            database=core.database,
            writer=self.house.service.writer,
            ring=core.ring,
            audit=core.log,
            policy_in_force=core.in_force,
            clock=core.clock,
        )

    def decided(
        self, user: str, purpose: str, at: datetime | None = None
    ) -> ConsentExplained:
        ruling = self.doors.consent_explain(
            OFFICER,
            Subject(namespace="cookie", value=user),
            about=purpose,
            valid_at=at,
        )
        assert isinstance(ruling, Granted)
        return ruling.value

    def open_scopes(self, user: str, at: datetime | None = None) -> frozenset[str]:
        return frozenset(
            scope
            for scope, purpose in SCOPES.items()
            if self.decided(user, purpose, at).state.granted
        )


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    replay = Replay(tmp_path_factory.mktemp("replay"))
    yield replay
    replay.house.close()


def answered() -> list[Row]:
    """Return the published users that ever answered a banner."""
    return [row for row in expected("users") if row["last_consent_version"]]


def scopes_of(text: str) -> frozenset[str]:
    return frozenset(text.split(", ")) - {"necessary", ""}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def kind_of(scopes: frozenset[str]) -> str:
    """Return the type of answer that leaves these scopes open."""
    if not scopes:
        return "denied"
    return "allow_all" if scopes == set(SCOPES) else "allow_selected"


def test_the_events_are_imported_by_cookie_and_a_repeated_row_counts_once(
    replay: Replay,
) -> None:
    done = replay.written
    assert (done.lines, done.appended, done.repeated) == (33, 32, 1)
    assert done.people == len(answered()) == 25
    rows = replay.house.rows("SELECT profile_id FROM member WHERE to_seq IS NULL")
    assert len(set(rows)) == 25  # one user id would have made them one person


def test_every_user_has_open_what_the_last_answer_left_open(replay: Replay) -> None:
    for row in answered():
        user = row["domain_userid"]
        now = replay.open_scopes(user)
        wanted = scopes_of(row["last_consent_scopes"])
        assert now == wanted, row["last_consent_event_type"]
        told = replay.decided(user, "statistics")
        assert told.winner is not None
        assert told.winner.carrier == "import"
        assert told.winner.rank == 6
        assert told.winner.notice == row["last_consent_version"]
        assert told.winner.decided_at == instant(row["last_consent_event_tstamp"])


def test_a_denial_is_what_the_last_event_type_says(replay: Replay) -> None:
    types = {"deny_all": "denied"}
    for row in answered():
        said = row["last_consent_event_type"]
        assert kind_of(replay.open_scopes(row["domain_userid"])) == types.get(
            said, said
        )


def test_the_scope_status_of_the_newest_version_is_the_published_one(
    replay: Replay,
) -> None:
    users = [
        row["domain_userid"] for row in answered() if row["is_latest_version"] == "true"
    ]
    counts = Counter(scope for user in users for scope in replay.open_scopes(user))
    necessary = [replay.decided(user, "necessary").state for user in users]
    counts["necessary"] = sum(state.granted for state in necessary)
    published = {
        row["scope"]: int(row["total_consent"]) for row in expected("scope_status")
    }
    assert published == {
        "necessary": 13,
        "statistics": 8,
        "marketing": 7,
        "preferences": 6,
    }
    assert counts == published


def test_necessary_as_a_category_is_denied_by_those_who_denied_all(
    replay: Replay,
) -> None:
    users = [row for row in answered() if row["is_latest_version"] == "true"]
    denied = {
        row["domain_userid"]
        for row in users
        if not replay.decided(row["domain_userid"], "necessary.asked").state.granted
    }
    assert denied == {
        row["domain_userid"]
        for row in users
        if row["last_consent_event_type"] == "deny_all"
    }
    assert (len(users), len(denied)) == (13, 3)


def test_the_totals_of_each_version_are_the_published_ones(replay: Replay) -> None:
    ours: dict[str, Counter[str]] = {}
    for row in answered():
        user = row["domain_userid"]
        told = replay.decided(user, "statistics")
        assert told.winner is not None
        totals = ours.setdefault(told.winner.notice or "", Counter())
        totals["total_visitors"] += 1
        totals[kind_of(replay.open_scopes(user))] += 1
    published = {row["consent_version"]: row for row in expected("totals")}
    assert ours.keys() == published.keys() == {"1.0", NEWEST}
    for version, row in published.items():
        for name in ("total_visitors", "allow_all", "allow_selected", "denied"):
            assert ours[version][name] == int(row[name]), (version, name)
        rest = ("pending", "expired", "withdrawn", "implicit_consent")
        assert all(int(row[name]) == 0 for name in rest)


def test_the_versions_begin_with_their_first_allow_all(replay: Replay) -> None:
    # A version's scopes there are those of an event that allowed all.
    firsts: dict[str, list[datetime]] = {}
    lasts: dict[str, list[datetime]] = {}
    for user, at in moments():
        if replay.open_scopes(user, at) != set(SCOPES):
            continue
        told = replay.decided(user, "statistics", at)
        assert told.winner is not None
        firsts.setdefault(told.winner.notice or "", []).append(at)
        lasts.setdefault(told.winner.notice or "", []).append(at)
    for row in expected("versions"):
        version = row["consent_version"]
        # Published in the collector's time, a millisecond after the event's own.
        start = instant(row["version_start_tstamp"]) - min(firsts[version])
        last = instant(row["last_allow_all_event"]) - max(lasts[version])
        assert 0 <= start.total_seconds() <= 0.005, version
        assert 0 <= last.total_seconds() <= 0.005, version
        assert scopes_of(row["consent_scopes"]) == set(SCOPES)


def moments() -> list[tuple[str, datetime]]:
    """Return each user and instant of the published log at which something was said."""
    return sorted(
        (row["domain_userid"], instant(row["derived_tstamp"]))
        for row in expected("log")
        if row["event_name"] == "consent_preferences"
    )


def test_every_line_of_the_log_is_what_was_decided_at_its_instant(
    replay: Replay,
) -> None:
    log: list[Mapping[str, str]] = [
        row for row in expected("log") if row["event_name"] == "consent_preferences"
    ]
    assert len(log) == 32
    for row in log:
        user, at = row["domain_userid"], instant(row["derived_tstamp"])
        assert replay.open_scopes(user, at) == scopes_of(row["consent_scopes"]), row
        told = replay.decided(user, "advertising", at)
        assert told.winner is not None
        assert told.winner.decided_at == at
        assert told.winner.notice == row["consent_version"]


def test_a_visitor_who_never_answered_has_decided_nothing(replay: Replay) -> None:
    silent = [row for row in expected("users") if not row["last_consent_version"]]
    assert len(silent) == 1
    told = replay.decided(silent[0]["domain_userid"], "statistics")
    assert told.winner is None
    assert told.state.reason == "consent.never_asked"


def test_what_was_known_before_the_import_is_nothing(replay: Replay) -> None:
    user = answered()[0]["domain_userid"]
    ruling = replay.doors.consent_explain(
        OFFICER,
        Subject(namespace="cookie", value=user),
        about="statistics",
        known_at=datetime(2026, 11, 25, 11, tzinfo=UTC),
    )
    assert isinstance(ruling, Granted)
    assert not ruling.value.state.granted


def test_a_second_replay_changes_nothing_and_the_relation_is_the_fold(
    replay: Replay,
) -> None:
    again = replay.run()
    assert (again.appended, again.repeated) == (0, 33)
    core = replay.house.core
    with core.database.snapshot() as connection:
        found = check_relation(
            connection,
            rules=core.in_force,
            log=core.log,
            now=core.clock.now(),
            progress=lambda _done, _of: None,
        )
    assert (found.handles, found.drifts) == (25, ())
