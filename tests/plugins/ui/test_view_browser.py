"""The view as analysts see it: a real browser, Airflow's own pages around it, a hostile page inside of it."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from support.view_server import CHECK, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
TIMEOUT = 120_000
"""Milliseconds for what a page does: a busy machine takes a while for Airflow's first one."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NIGHT = "/nightshift/docs/flights/2013-02-09"
REFUSALS = ("Blocked script execution", "Content Security Policy")
"""What a browser says of a script that it does not run."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        # Without its own sandbox: the tests may run as root in a container.
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], timeout=TIMEOUT
        )
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, filled: Server) -> Iterator[Page]:
    """A page of an analyst who is logged in; `elsewhere` collects requests to any other host."""
    with browser.new_context(base_url=filled.url) as context:
        context.set_default_timeout(TIMEOUT)
        first = context.new_page()
        first.goto(NIGHT)
        first.fill("input[name=username]", "analyst")
        first.fill("input[name=password]", filled.passwords["analyst"])
        first.click("button[type=submit]")
        first.wait_for_url(f"**{NIGHT}")
        yield first


def test_the_login_leads_back_to_the_page_that_was_asked_for(page: Page) -> None:
    assert page.inner_text("h1") == "flights, night 2013-02-09"


def test_data_docs_open_from_the_menu_of_airflow(page: Page, filled: Server) -> None:
    elsewhere: list[str] = []
    page.on("request", lambda request: None if filled.url in request.url else elsewhere.append(request.url))
    view = opened(page, "Data Docs")
    view.on("request", lambda request: None if filled.url in request.url else elsewhere.append(request.url))
    view.locator("h1").wait_for()
    view.locator("td.datasets a").first.click()
    inner = view.frame_locator("iframe")
    inner.locator("h1").wait_for()
    assert inner.locator("h1").inner_text() == "a stored page"
    assert elsewhere == []


def test_a_model_card_opens_from_the_menu_by_way_of_the_ledger(page: Page) -> None:
    lines: list[str] = []
    view = opened(page, "Promotions")
    view.on("console", lambda line: lines.append(line.text))
    view.get_by_role("link", name="flights", exact=True).click()
    view.locator("#entry-4").wait_for()
    view.locator("#entry-2").get_by_role("link", name="version 2").first.click()
    view.locator("article.model-card h1").wait_for()
    view.wait_for_load_state()  # the picture and the style come after the heading
    assert "withdrawn" in view.locator("article.model-card h1").inner_text()
    drawn = view.locator("img").first.evaluate("image => image.complete && image.naturalWidth")
    assert drawn == 1
    # The style is the card's own file: without it the marks have no colour.
    colour = "mark => getComputedStyle(mark).backgroundColor"
    assert view.locator(".model-card .mark.good").first.evaluate(colour) != "rgba(0, 0, 0, 0)"
    assert not [line for line in lines if "Content Security Policy" in line]
    assert "taken" not in (page.title(), view.title())


def test_a_narrow_page_breaks_no_word_of_a_table(page: Page) -> None:
    """MLflow shows a model card in a pane of half its page: the tables scroll there, and stay readable."""
    page.set_viewport_size({"width": 560, "height": 900})
    page.goto("/nightshift/versions/flights/2")
    description = page.locator(".model-card tbody td", has_text="promotion").first
    description.wait_for()
    assert description.evaluate("cell => cell.clientWidth") > 80
    assert page.locator(".model-card td.long").first.evaluate("cell => cell.clientWidth") > 200
    assert page.evaluate("document.documentElement.scrollWidth") <= 560


def test_the_button_to_set_a_champion_leads_to_airflow_s_own_page(page: Page, filled: Server) -> None:
    view = opened(page, "Promotions")
    view.get_by_role("link", name="flights", exact=True).click()
    view.get_by_role("link", name="flights_set_champion", exact=True).click()
    view.wait_for_url(f"{filled.url}/dags/flights_set_champion")
    view.locator("nav, #root").first.wait_for()
    assert len(view.frames) == 1


def test_mlflow_opens_although_it_forbids_to_be_framed(page: Page, mlflow_page: str) -> None:
    view = opened(page, "Data Docs")
    view.get_by_role("link", name="2013-02-09").first.click()
    view.get_by_role("link", name="train").first.click()
    view.get_by_role("link", name="MLflow run").click()
    view.wait_for_url(f"{mlflow_page}/**")
    assert view.inner_text("h1") == "MLflow"


def opened(page: Page, name: str) -> Page:
    """What an entry of Airflow's menu Browse opens: a tab of its own, so that its links lead where they say."""
    page.goto("/")
    page.get_by_role("button", name="Browse", exact=True).click()
    with page.expect_popup() as popup:
        page.get_by_role("menuitem", name=name).click()
    popup.value.wait_for_load_state()
    return popup.value


@pytest.mark.parametrize("path", [f"{NIGHT}/flights/{CHECK}", f"{NIGHT}/flights/{CHECK}/page"])
def test_no_script_of_a_stored_page_runs(page: Page, path: str) -> None:
    with page.expect_console_message(lambda message: any(refusal in message.text for refusal in REFUSALS)):
        page.goto(path, wait_until="networkidle")
    assert page.title() != "taken"
    assert all(frame.title() != "taken" for frame in page.frames)
