"""A person with a real browser: the page works, keeps to itself, and fits a phone."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.commands import ask
from tests.support.process import Running

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


class Shop:
    """A running service, and a client of it that may change consent."""

    def __init__(self, service: Running, client: str, secret: str) -> None:
        form = {"grant_type": "client_credentials"}
        self.service = service
        self.http = httpx.Client(base_url=service.url, trust_env=False)
        signed_in = self.http.post("/oauth/token", data=form, auth=(client, secret))
        token = signed_in.json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def link(self, user: str) -> str:
        """Return a new link to a person's page in Korean."""
        identifier = {"namespace": "user_id", "value": user}
        body = {"identifier": identifier, "jurisdiction": "KR", "language": "ko"}
        answer = self.http.post("/v1/consent/links", json=body)
        assert answer.status_code == 200, answer.text
        return f"{self.service.url}{answer.json()['url']}"

    def state(self, user: str, purpose: str) -> dict[str, Any]:
        """Return what the API says of one purpose."""
        identifier = {"namespace": "user_id", "value": user}
        body = {"identifier": identifier, "purpose": purpose}
        [found] = self.http.post("/v1/consent/query", json=body).json()["states"]
        return dict(found)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root: Path = tmp_path_factory.mktemp("browser")
    data = root / "data"
    ask("init", "--data", data, "--keys", root / "ring.json", "--origin", "t.test/log")
    made = ask(
        "client", "add", "desk", "--data", data,
        "--role", "consent_manager", "--purpose", "service",
    )  # fmt: skip
    with Running(data) as service:
        shop = Shop(service, made["client_id"], made["client_secret"])
        yield shop
        shop.http.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            # The machine that checks may be root's, and may have a proxy.
            args=["--no-sandbox", "--no-proxy-server"],
        )
        yield browser
        browser.close()


class Visit:
    """A page, and everything that it asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def card(self, purpose: str) -> str:
        """Return the text of a purpose's part of the page."""
        return self.page.locator(f"#p-{purpose.replace('.', '-')}").inner_text()

    def press(self, answer: str) -> None:
        """Press the button of an answer."""
        self.page.locator(f'button[value="{answer}"]').click()


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    contexts = []

    def opened(*, scripts: bool = True, width: int = 1000) -> Visit:
        context = browser.new_context(
            java_script_enabled=scripts, viewport={"width": width, "height": 900}
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        return Visit(context.new_page())

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scripts", [False, True], ids=["without-scripts", "with"])
def test_a_person_decides_and_it_holds_at_once(
    shop: Shop, visit: Open, scripts: bool
) -> None:
    user = f"u-journey-{scripts}"
    link = shop.link(user)
    own = visit(scripts=scripts)
    own.page.goto(link)
    own.page.get_by_role("button", name="내 동의 설정 열기").click()
    assert own.page.title() == "내 동의 설정"
    assert "이용하지 않음" in own.card("analytics")
    assert "아직 답하지 않으셨습니다" in own.card("analytics")

    own.press("yes:analytics")
    assert "지금부터 이용합니다" in own.card("analytics")
    assert "이 화면" in own.card("analytics")
    assert shop.state(user, "analytics")["granted"] is True
    assert shop.state(user, "segmentation")["granted"] is False

    own.page.get_by_role("button", name="동의를 철회합니다 (이용 분석)").click()
    state = shop.state(user, "analytics")
    assert (state["granted"], state["reason"]) == (False, "consent.withdrawn")
    assert "이용하지 않음" in own.card("analytics")
    assert "더 이상 이용하지 않습니다" in own.card("analytics")

    own.press("yes:analytics")
    again = shop.state(user, "analytics")
    assert again["granted"] is True
    if again["notice"] is not None:
        assert again["notice"] in own.card("analytics")

    own.page.get_by_role("button", name="View in English").click()
    assert own.page.title() == "Your consent choices"
    assert "In use" in own.card("analytics")
    own.page.get_by_role("button", name="Finish").click()

    other = visit(scripts=scripts)
    other.page.goto(link)
    other.page.get_by_role("button").click()
    assert "이 링크는 더 이상 쓸 수 없습니다" in other.page.inner_text("h1")
    for seen in (own, other):
        assert all(url.startswith(shop.service.url) for url in seen.asked)
    assert own.complaints == []
    assert all("403" in text for text in other.complaints)


def test_one_press_withdraws_everything(shop: Shop, visit: Open) -> None:
    own = visit()
    own.page.goto(shop.link("u-everything"))
    own.page.get_by_role("button").click()
    own.press("yes:analytics")
    own.page.get_by_role("button", name="모두 동의하지 않습니다").click()
    assert "저장했습니다" in own.page.get_by_role("status").inner_text()
    assert shop.state("u-everything", "analytics")["reason"] == "consent.withdrawn"
    assert own.complaints == []


def test_a_phone_shows_the_page_without_scrolling_sideways(
    shop: Shop, visit: Open
) -> None:
    own = visit(width=320)
    own.page.goto(shop.link("u-phone"))
    width = "document.documentElement.scrollWidth"
    assert own.page.evaluate(width) <= 320
    own.page.get_by_role("button").click()
    own.press("no:analytics")
    assert own.page.evaluate(width) <= 320
    sizes = own.page.evaluate(
        "[...document.querySelectorAll('button')].map(b => b.offsetHeight)"
    )
    assert min(sizes) >= 44


def test_the_keyboard_is_enough(shop: Shop, visit: Open) -> None:
    own = visit()
    own.page.goto(shop.link("u-keys"))
    own.page.keyboard.press("Tab")
    own.page.keyboard.press("Tab")
    own.page.keyboard.press("Enter")
    own.page.wait_for_selector("#p-analytics")
    button = own.page.locator('button[value="no:analytics"]')
    for _ in range(40):
        own.page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    outline = button.evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"
    own.page.keyboard.press("Enter")
    own.page.wait_for_selector("[role=status]")
    assert shop.state("u-keys", "analytics")["reason"] == "consent.denied"


def test_the_words_stand_without_the_stylesheet(shop: Shop, visit: Open) -> None:
    own = visit()
    own.page.goto(shop.link("u-plain"))
    own.page.get_by_role("button").click()
    own.page.evaluate("document.querySelector('style').remove()")
    assert "이용 분석" in own.card("analytics")
    own.press("no:analytics")
    assert shop.state("u-plain", "analytics")["granted"] is False
