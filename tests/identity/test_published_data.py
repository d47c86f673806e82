"""Published event streams: shared devices are nobody's, whoever logged in last.

The data are read where they lie and are not part of the project.

Source: the design page "Identity", section 11, the table of data.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from cdp.identity import (
    Evidence,
    HandleFacts,
    IdentityRules,
    Normalized,
    Resolution,
    Trust,
    normalize,
    resolve,
)
from cdp.kernel import Handle

DATA = Path(__file__).parents[2].parent / "shared" / "data"
RULES = IdentityRules()


class Stream:
    """Events as (user id, device or cookie), resolved."""

    def __init__(self, namespace: str, events: Iterable[tuple[str, str, str]]) -> None:
        self.handle_of: dict[Normalized, Handle] = {}
        evidence = []
        for number, (_, user, device) in enumerate(sorted(set(events))):
            found = [self._handle("user_id", user), self._handle(namespace, device)]
            if found[0] is not None and found[1] is not None:
                evidence.append(
                    Evidence(
                        a=found[0],
                        b=found[1],
                        source=1,
                        trust=Trust.CLAIMED,
                        event_key=b"%d" % number,
                        ordinal=0,
                        observed=number,
                    )
                )
        handles = {
            handle: HandleFacts(namespace=known.namespace, first_seen=handle)
            for known, handle in self.handle_of.items()
        }
        self.result: Resolution = resolve(evidence, [], handles, RULES)

    def _handle(self, namespace: str, value: str) -> Handle | None:
        found = normalize(namespace, value, RULES, source="web")
        if not isinstance(found, Normalized):
            return None
        return self.handle_of.setdefault(found, Handle(len(self.handle_of) + 1))

    def names(self, handles: Iterable[Handle]) -> set[str]:
        name_of = {
            handle: known.digest_input for known, handle in self.handle_of.items()
        }
        return {name_of[handle].decode() for handle in handles}


def rows(*path: str) -> list[dict[str, str]]:
    file = DATA.joinpath(*path)
    if not file.exists():
        pytest.skip("the published data are not here")
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_three_of_four_phones_are_shared() -> None:
    column = "contexts_com_snowplowanalytics_snowplow_client_session_1_0_1"
    events = []
    for row in rows("snowplow_mobile", "source", "snowplow_mobile_events.csv"):
        session = msgspec.json.decode(row[column] or "[{}]")[0]
        device = session.get("user_id", "")
        events.append((row["event_id"], row["user_id"], device))
    stream = Stream("device", events)
    assert len(stream.handle_of) == 12
    assert sorted(stream.result.cuts.values()) == ["shared"] * 3
    assert len(stream.result.parts) == 11
    (pair,) = (part for part in stream.result.parts if len(part.handles) > 1)
    device, user = sorted(stream.names(pair.handles), key=len, reverse=True)
    assert (device[:8], user) == ("dbc45c06", "NULL session_id")


def test_a_cookie_of_ten_people_is_nobodys() -> None:
    events = rows("snowplow_web", "source", "snowplow_web_events.csv")

    def stream(*, consent_app: bool) -> Stream:
        return Stream(
            "cookie",
            (
                (row["event_id"], row["user_id"], row["domain_userid"])
                for row in events
                if consent_app or not is_of_consent_app(row)
            ),
        )

    without = stream(consent_app=False)
    shared = without.names(without.result.cuts)
    assert [cookie[:8] for cookie in shared] == ["434dff58"]
    assert len(without.result.parts) == 25
    assert len(stream(consent_app=True).result.parts) == 26


def is_of_consent_app(row: dict[str, str]) -> bool:
    return row["app_id"] == "consent_accel"
