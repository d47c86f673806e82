"""A person follows a link, sees what stands, decides; it holds with the next read."""

from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from cdp.auth import SESSION_LIFE
from cdp.kernel import FixedClock
from cdp.runtime import StoreUnavailableError
from tests.console.visitor import Seen, Shop, part_of
from tests.support.house import order
from tests.support.web import is_error, still_house

IDENTIFIER = {"namespace": "user_id", "value": "u-link"}
GARBAGE = ["A" * 43, "x", "%F0%9F%91%BB", "..%2f", "<script>"]


def clock_of(shop: Shop) -> FixedClock:
    return cast("FixedClock", shop.house.clock)


def test_a_link_is_made_for_a_caller_that_may_change_consent(both: Shop) -> None:
    body = {"identifier": IDENTIFIER, "ttl_minutes": 5, "language": "en"}
    headers = both.bearer("consent_manager", "service")
    answer = both.client.post("/v1/consent/links", json=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"url", "expires_at"}
    assert answer.json()["expires_at"] == "2026-11-25T12:05:00Z"
    assert answer.json()["url"].endswith("?lang=en")
    [made] = both.records("access.change")
    assert made["envelope"]["rule"] == "link"
    assert made["envelope"]["actor_kind"] == "job"
    token = answer.json()["url"].split("/p/")[1].partition("?")[0]
    assert token not in str(made)


def test_a_link_begins_with_the_public_address(shop: Shop, tmp_path: Path) -> None:
    assert shop.link("u-path").startswith("/p/")
    house = still_house(tmp_path, public_url="https://me.example/")
    with Shop(house) as other:
        assert other.link("u-path").startswith("https://me.example/p/")


def test_somebody_unknown_gets_a_link_like_somebody_known(shop: Shop) -> None:
    page = shop.come_in("u-never-seen")
    assert "yes:analytics" in page.answers


@pytest.mark.parametrize(
    "more",
    [
        {"identifier": {"namespace": "shoe", "value": "x"}},
        {"identifier": {"namespace": "email", "value": "no address"}},
        {"jurisdiction": "Atlantis"},
    ],
)
def test_a_link_to_nobody_or_nowhere_is_refused(
    shop: Shop, more: dict[str, object]
) -> None:
    headers = shop.bearer("consent_manager", "service")
    body = {"identifier": IDENTIFIER} | more
    answer = shop.client.post("/v1/consent/links", json=body, headers=headers)
    assert is_error(answer, 422, "consent.invalid")


@pytest.mark.parametrize(
    "more",
    [{"ttl_minutes": 0}, {"ttl_minutes": 10_081}, {"language": "fr"}, {"x": 1}],
)
def test_a_wish_of_another_shape_is_refused(
    shop: Shop, more: dict[str, object]
) -> None:
    headers = shop.bearer("consent_manager", "service")
    body = {"identifier": IDENTIFIER} | more
    answer = shop.client.post("/v1/consent/links", json=body, headers=headers)
    assert is_error(answer, 400, "request.invalid")


def test_a_client_without_the_role_makes_no_link(shop: Shop) -> None:
    headers = shop.bearer("segmentation", "segmentation")
    body = {"identifier": IDENTIFIER}
    answer = shop.client.post("/v1/consent/links", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "gate.role")


def test_looking_at_a_link_uses_nothing_up(shop: Shop) -> None:
    link = shop.link("u-preview")
    landings = [shop.client.get(link) for _ in range(3)]
    assert {landing.status_code for landing in landings} == {200}
    assert shop.press(Seen(landings[0].text), "/p/open").status_code == 200


def test_the_landing_page_is_the_same_for_every_token(shop: Shop) -> None:
    link = shop.link("u-same")
    token = link.removeprefix("/p/").partition("?")[0]
    good = shop.client.get(link).text.replace(token, "T")
    bad = shop.client.get(f"/p/{'A' * 43}?lang=ko").text.replace("A" * 43, "T")
    assert good == bad


def test_a_link_opens_once(both: Shop) -> None:
    landing = Seen(both.client.get(both.link("u-once")).text)
    first, second = (both.press(landing, "/p/open") for _ in range(2))
    assert first.status_code == 200
    assert second.status_code == 403
    assert "더 이상 쓸 수 없습니다" in second.text
    signed_in = both.records("auth.sign_in", "allowed")
    actors = [record["envelope"]["actor_kind"] for record in signed_in]
    assert actors.count("person") == 1


def test_used_expired_and_unknown_links_get_one_answer(shop: Shop) -> None:
    used = Seen(shop.client.get(shop.link("u-used")).text)
    shop.press(used, "/p/open")
    late = Seen(shop.client.get(shop.link("u-late", ttl_minutes=1)).text)
    clock_of(shop).advance(timedelta(minutes=1))
    answers = {
        (answer.status_code, answer.text)
        for answer in (
            shop.press(used, "/p/open"),
            shop.press(late, "/p/open"),
            *(shop.client.post("/p/open", data={"token": one}) for one in GARBAGE),
        )
    }
    assert len(answers) == 1


def test_the_page_says_what_stands_and_why(shop: Shop) -> None:
    shop.batch([order("state", user="u-state")])
    page = shop.come_in("u-state", jurisdiction="KR")
    shown = part_of(page.raw, "p-analytics")
    assert "이용 분석" in shown
    state = shop.state("u-state", "analytics")
    assert ("이용하고 있음" in shown) is state["granted"]
    assert "서비스 제공" in page.text
    assert not [one for one in page.answers if "service" in one]


def test_a_withdrawal_holds_with_the_next_read(both: Shop) -> None:
    page = both.come_in("u-leave", jurisdiction="EU")
    agreed = both.answer(page, "yes:analytics")
    assert agreed.status_code == 200, agreed.text
    assert both.state("u-leave", "analytics")["granted"] is True
    clock_of(both).advance(timedelta(seconds=1))
    left = both.answer(Seen(agreed.text), "no:analytics")
    state = both.state("u-leave", "analytics")
    assert (state["granted"], state["reason"]) == (False, "consent.withdrawn")
    assert "전에 동의했다가 철회하셨습니다" in part_of(left.text, "p-analytics")
    changes = both.records("consent.change")[-2:]
    assert [change["envelope"]["actor_kind"] for change in changes] == [
        "person",
        "person",
    ]
    looks = [
        one
        for one in both.records("consent.read")
        if one["envelope"]["actor_kind"] == "person"
    ]
    assert len(looks) == 3


def test_a_decision_reaches_every_device_of_the_person(shop: Shop) -> None:
    cookie = "0a1b2c3d-0000-4000-8000-0000000000aa"
    shop.batch([order("both", user="u-two", cookie=cookie)])
    clock_of(shop).advance(timedelta(seconds=1))
    shop.answer(shop.come_in("u-two"), "no:segmentation")
    body = {
        "identifier": {"namespace": "cookie", "value": cookie},
        "purpose": "segmentation",
    }
    headers = shop.bearer("consent_manager", "service")
    [state] = shop.client.post("/v1/consent/query", json=body, headers=headers).json()[
        "states"
    ]
    assert state["granted"] is False


def test_a_no_to_everything_is_one_press(shop: Shop) -> None:
    page = shop.come_in("u-all", jurisdiction="US-CA")
    before = shop.stored()["consent_signal"]
    done = shop.answer(page, "no")
    assert done.status_code == 200
    assert shop.stored()["consent_signal"] == before + 1
    for purpose in ("analytics", "segmentation", "marketing.email"):
        assert shop.state("u-all", purpose)["granted"] is False
    assert shop.state("u-all", "service")["granted"] is True


def test_a_no_to_everything_reaches_the_devices_that_it_takes_apart(
    shop: Shop,
) -> None:
    cookie = "0a1b2c3d-0000-4000-8000-0000000000cc"
    shop.batch([order("apart", user="u-apart", cookie=cookie)])
    clock_of(shop).advance(timedelta(seconds=1))
    page = shop.come_in("u-apart")
    done = shop.answer(page, "no")
    assert done.status_code == 200
    for namespace, value in (("user_id", "u-apart"), ("cookie", cookie)):
        body = {"identifier": {"namespace": namespace, "value": value}}
        headers = shop.bearer("consent_manager", "service")
        answer = shop.client.post("/v1/consent/query", json=body, headers=headers)
        granted = {one["purpose"] for one in answer.json()["states"] if one["granted"]}
        assert not granted & {"linking", "analytics", "segmentation"}
    # The visit goes on with what is left of the person.
    assert shop.press(Seen(done.text), "/p/show").status_code == 200


def test_a_level_of_none_closes_what_is_personal(shop: Shop) -> None:
    page = shop.come_in("u-level", jurisdiction="US-CA")
    assert {f"level:{number}" for number in range(4)} <= page.answers
    assert shop.state("u-level", "personalization")["granted"] is True
    done = shop.answer(page, "level:0")
    assert "0 (맞추지 않음)" in Seen(done.text).text
    for purpose in ("personalization", "segmentation"):
        assert shop.state("u-level", purpose)["granted"] is False
    assert shop.state("u-level", "analytics")["granted"] is True


def test_a_level_bundles_nothing_where_consents_are_separate(shop: Shop) -> None:
    page = shop.come_in("u-level-kr", jurisdiction="KR")
    assert {one for one in page.answers if one.startswith("level")} == {"level:0"}
    fields = page.form("no").hidden | {"answer": "level:2"}
    assert shop.client.post("/p/save", data=fields).status_code == 400


def test_a_yes_is_given_under_the_text_that_stood_beside_it(shop: Shop) -> None:
    page = shop.come_in("u-notice", jurisdiction="KR")
    form = page.form("yes:marketing.email")
    assert form.hidden["notice"] == "banner-1"
    bare = {"session": form.hidden["session"], "answer": "yes:marketing.email"}
    assert shop.client.post("/p/save", data=bare).status_code == 409
    shop.answer(page, "yes:marketing.email")
    state = shop.state("u-notice", "marketing.email")
    assert (state["granted"], state["notice"]) == (True, "banner-1")


def test_a_yes_to_everything_does_not_exist(shop: Shop) -> None:
    page = shop.come_in("u-bundle", jurisdiction="EU")
    assert "yes" not in page.answers
    form = page.form("no")
    before = shop.stored()
    forged = shop.client.post("/p/save", data=form.hidden | {"answer": "yes"})
    assert forged.status_code == 400
    assert shop.stored() == before


def test_the_answer_has_a_receipt(shop: Shop) -> None:
    done = shop.answer(shop.come_in("u-receipt", jurisdiction="EU"), "yes:analytics")
    assert "<code>" in part_of_raw(done.text, "p-analytics")


def part_of_raw(page: str, ident: str) -> str:
    return page[page.index(f'id="{ident}"') :].partition("</section>")[0]


def test_the_text_of_a_yes_must_be_the_one_that_was_shown(shop: Shop) -> None:
    page = shop.come_in("u-text", jurisdiction="EU")
    form = page.form("yes:analytics")
    fields = form.hidden | {"answer": "yes:analytics", "notice": "of.last.year"}
    before = shop.stored()["consent_signal"]
    done = shop.client.post("/p/save", data=fields)
    assert done.status_code == 409
    assert shop.stored()["consent_signal"] == before
    again = shop.press(Seen(done.text), "/p/show")
    assert again.status_code == 200


def test_a_signal_of_the_browser_is_answered_only_with_its_notice(shop: Shop) -> None:
    cookie = "0a1b2c3d-0000-4000-8000-0000000000bb"
    shop.house.source("web-us", jurisdiction="US-CA")
    event = order("gpc", user="u-gpc", cookie=cookie, preferences=None)
    shop.house.post("web-us", [event], gpc="1")
    clock_of(shop).advance(timedelta(seconds=1))
    page = shop.come_in("u-gpc")
    told = part_of(page.raw, "p-segmentation")
    assert "Global Privacy Control" in told
    shop.answer(page, "yes:segmentation")
    assert shop.state("u-gpc", "segmentation")["granted"] is True


def test_the_language_changes_and_the_visit_goes_on(shop: Shop) -> None:
    page = shop.come_in("u-words")
    english = shop.press(page, "/p/show")
    assert '<html lang="en">' in english.text
    assert english.headers["content-language"] == "en"
    assert "Your consent choices" in english.text
    korean = shop.press(Seen(english.text), "/p/show")
    assert '<html lang="ko">' in korean.text


@pytest.mark.parametrize(
    ("header", "language"),
    [("en-GB,en;q=0.9,ko;q=0.8", "en"), ("fr, ko", "ko"), ("", "ko"), ("de", "ko")],
)
def test_without_a_choice_the_browser_says_the_language(
    shop: Shop, header: str, language: str
) -> None:
    page = shop.client.get(f"/p/{'A' * 43}", headers={"Accept-Language": header})
    assert f'<html lang="{language}">' in page.text


def test_after_its_time_a_visit_sees_and_changes_nothing(both: Shop) -> None:
    page = both.come_in("u-over", jurisdiction="EU")
    clock_of(both).advance(SESSION_LIFE)
    before = both.stored()
    for done in (both.answer(page, "yes:analytics"), both.press(page, "/p/finish")):
        assert "이용 분석" not in done.text
    refused = both.answer(page, "yes:analytics")
    assert refused.status_code == 403
    assert "시간이 끝났습니다" in refused.text
    assert both.press(page, "/p/show").status_code == 403
    assert both.stored() == before


def test_a_finished_visit_is_over(shop: Shop) -> None:
    page = shop.come_in("u-done")
    assert "마쳤습니다" in shop.press(page, "/p/finish").text
    assert shop.press(page, "/p/show").status_code == 403
    assert shop.press(page, "/p/finish").status_code == 200


def test_another_persons_visit_does_not_touch_this_person(shop: Shop) -> None:
    mine = shop.come_in("u-mine", jurisdiction="EU")
    theirs = shop.come_in("u-theirs", jurisdiction="EU")
    shop.answer(mine, "yes:analytics")
    assert shop.state("u-mine", "analytics")["granted"] is True
    assert shop.state("u-theirs", "analytics")["granted"] is False
    clock_of(shop).advance(timedelta(seconds=1))
    shop.answer(theirs, "no")
    assert shop.state("u-mine", "analytics")["granted"] is True


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "maybe:analytics",
        "yes:",
        "yes:world.domination",
        "no:service",
        "level:9",
        "level:",
        "level:-1",
        "yes:<script>",
    ],
)
def test_an_answer_that_no_button_gives_is_refused(shop: Shop, answer: str) -> None:
    page = shop.come_in("u-forged", jurisdiction="EU")
    before = shop.stored()["consent_signal"]
    done = shop.client.post("/p/save", data=page.form("no").hidden | {"answer": answer})
    assert done.status_code == 400
    assert "<script" not in done.text
    assert shop.stored()["consent_signal"] == before


BODIES: list[dict[str, object]] = [
    {"content": b""},
    {"content": b"\xff\xfe"},
    {"content": b"session"},
    {"content": b"session=a&session=b"},
    {"json": {"session": "x"}},
    {"data": {"session": "x" * 9_000}},
    {"files": {"session": b"x"}},
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("act", ["open", "show", "save", "finish"])
def test_no_garbage_is_a_failure_of_ours(
    shop: Shop, act: str, body: dict[str, object]
) -> None:
    done = shop.client.post(f"/p/{act}", **body)  # type: ignore[arg-type] # any body
    assert 400 <= done.status_code < 500 or act == "finish"
    assert done.headers["content-type"].startswith("text/html")


def test_an_error_is_a_page_with_a_way_out(shop: Shop) -> None:
    for answer in (
        shop.client.get("/p/open"),
        shop.client.get("/p"),
        shop.client.get("/p/a/b?lang=en"),
        shop.client.delete("/p/open"),
    ):
        assert answer.status_code in (404, 405)
        assert answer.headers["content-type"].startswith("text/html")
        assert "<h1>" in answer.text
    assert is_error(shop.client.get("/v1/nothing"), 404, "ingest.not_found")


def test_guesses_are_counted(shop: Shop) -> None:
    shop.client.post("/p/open", data={"token": "A" * 43})
    counted = shop.client.get("/metrics").text
    assert 'cdp_page_acts_total{act="open",code="auth.invalid_link"}' in counted


def test_nothing_of_a_visit_stands_in_the_programs_log(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    link = shop.link("u-secret-name")
    landing = Seen(shop.client.get(link).text)
    opened = Seen(shop.press(landing, "/p/open").text)
    shop.answer(opened, "no:analytics")
    shop.press(landing, "/p/open")
    said = "".join(capfd.readouterr())
    secrets = [link, "u-secret-name"]
    secrets += [value for form in opened.forms for value in form.hidden.values()]
    assert not [secret for secret in secrets if len(secret) > 8 and secret in said]


def test_a_page_that_could_not_be_recorded_is_not_shown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = shop.come_in("u-full", jurisdiction="EU")

    def full(*_: object) -> None:
        raise StoreUnavailableError("full")

    with monkeypatch.context() as broken:
        broken.setattr(shop.house.core.log, "append", full)
        done = shop.press(page, "/p/show")
        assert done.status_code == 503
        assert done.headers["retry-after"]
        assert "이용 분석" not in done.text
    # Whoever came in may try again: the link was used up, the visit was not.
    assert shop.press(Seen(done.text), "/p/show").status_code == 200
