# SPDX-License-Identifier: Apache-2.0
"""The page for everyone: keyboard, readers of screens, light and dark, a phone's width; and how much it loads."""

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from server import Server

Open = Callable[..., Page]

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # The headings in the output of an agent are its own.
    "rules": {"heading-order": {"enabled": False}},
}

#: Views, by the places that are open in them.
VIEWS = ["/agents", "/agents/researcher", "/agents/echo", "/agents/nobody", "/runs", "/sessions", "/processes"]

#: Resolves when the colors of a changed scheme are shown. With reduced motion, a color that is inherited changes one frame
#: later with each level of elements.
SETTLED = """async () => {
    for (let quiet = 0; quiet < 3; quiet++) {
        await new Promise(requestAnimationFrame)
        if (document.getAnimations().some((animation) => animation instanceof CSSTransition)) quiet = -1
    }
}"""


def check(page: Page) -> None:
    """Checks a page with axe-core, in light and dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate(SETTLED)
        violations = Axe().run(page, options=RULES).response["violations"]
        assert not violations, (
            scheme
            + "\n"
            + "\n".join(
                f"{violation['id']}: {violation['help']}\n  "
                + "\n  ".join(f"{node['html']}\n    {node['failureSummary']}" for node in violation["nodes"][:5])
                for violation in violations
            )
        )


def open_report(open_page: Open, server: Server, **options: Any) -> Page:
    """Opens the conversation of a finished report, with everything in it open."""
    run = server.run("researcher", "Whales")
    page = open_page(server.page(f"/agents/researcher?session={run['session_id']}"), bypass_csp=True, **options)
    expect(page.locator(".badge[data-status=completed]")).to_be_visible()
    page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
    return page


@pytest.mark.parametrize("view", VIEWS)
def test_views_follow_wcag(open_page: Open, server: Server, view: str) -> None:
    page = open_page(server.page(view), bypass_csp=True)
    expect(page.locator("h1, [role=alert]").first).to_be_visible()
    check(page)


@pytest.mark.parametrize("tab", ["conversation", "timeline", "events", "replay"])
def test_parts_of_a_run_follow_wcag(open_page: Open, server: Server, tab: str) -> None:
    run = server.run("researcher", "Whales")["run_id"]
    page = open_page(server.page(f"/runs/{run}?tab={tab}"), bypass_csp=True)
    expect(page.get_by_role("tabpanel")).to_be_visible()
    page.wait_for_timeout(500)
    check(page)


@pytest.mark.parametrize("tab", ["conversation", "messages", "state"])
def test_parts_of_a_session_follow_wcag(open_page: Open, server: Server, tab: str) -> None:
    server.run("counter", "x", session="wcag")
    page = open_page(server.page(f"/sessions/wcag?tab={tab}"), bypass_csp=True)
    expect(page.get_by_role("tabpanel")).to_be_visible()
    page.wait_for_timeout(500)
    check(page)


def test_conversations_follow_wcag(open_page: Open, server: Server) -> None:
    check(open_report(open_page, server))


def test_questions_and_errors_follow_wcag(open_page: Open, server: Server) -> None:
    for agent in ("questioner", "approver", "failer"):
        run = server.run(agent, "x", mode="sync")
        page = open_page(server.page(f"/agents/{agent}?session={run['session_id']}"), bypass_csp=True)
        expect(page.locator(".question, [role=alert]").first).to_be_visible()
        check(page)


def test_dialogs_and_menus_follow_wcag(open_page: Open, server: Server) -> None:
    page = open_report(open_page, server)
    page.get_by_role("button", name="Copy as").click()
    check(page)
    page.keyboard.press("Escape")
    for name in ("Access token", "Keyboard shortcuts", "Recent inputs"):
        page.get_by_role("button", name=name).first.click()
        check(page)
        page.keyboard.press("Escape")


def test_everything_can_be_done_with_the_keyboard(open_page: Open, server: Server) -> None:
    page = open_page(server.page())
    expect(page.locator(".agent-card").first).to_be_visible()
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    press("Enter")
    expect(page.locator("main")).to_be_focused()
    press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("approval")
    expect(page.locator(".agent-card:visible")).to_have_count(1)
    press("Tab")
    expect(page.get_by_role("link", name="approver")).to_be_focused()
    press("Enter")
    field = page.get_by_role("textbox", name="Input", exact=True)
    expect(field).to_be_focused()
    page.keyboard.type("go")
    press("Control+Enter")
    answer = page.get_by_role("textbox", name="Typed answer")
    expect(answer).to_be_focused()
    press("Control+A")
    page.keyboard.type('{"type": "approval", "decision": "yes"}')
    press("Control+Enter")
    expect(page.get_by_text("Decision: yes")).to_be_visible()

    # The menu of the run: arrows move in it, Escape returns to its button.
    menu = page.get_by_role("button", name="Copy as")
    menu.focus()
    press("Enter")
    expect(page.get_by_role("menuitem", name="curl")).to_be_focused()
    press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Swift")).to_be_focused()
    press("Escape")
    expect(menu).to_be_focused()

    # Choices are radio buttons.
    page.get_by_role("radio", name="Stream").focus()
    press("ArrowRight")
    expect(page.get_by_role("radio", name="Sync", exact=True)).to_be_checked()

    page.locator("main").focus()
    press("g")
    press("r")
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    press("g")
    press("a")
    expect(page.get_by_role("heading", name="Agents", level=1)).to_be_visible()
    press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_focus_is_visible_everywhere(open_page: Open, server: Server) -> None:
    page = open_report(open_page, server)
    page.locator("body").click(position={"x": 5, "y": 5})
    seen = 0
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
                const element = document.activeElement;
                if (!element || element === document.body) return null;
                const styles = [element, element.nextElementSibling, element.parentElement].filter(Boolean)
                    .flatMap((each) => [getComputedStyle(each), getComputedStyle(each, "::after")]);
                return [element.outerHTML.slice(0, 120), styles.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1)];
            }"""
        )
        if found is None:
            break
        seen += 1
        assert found[1], f"the focus is not visible: {found[0]}"
    assert seen > 15


def test_changes_are_announced(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/echo"))
    page.get_by_role("textbox", name="Input", exact=True).fill("x")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#announcements")).to_have_text("Completed")
    expect(page.locator("#announcements")).to_have_attribute("aria-live", "polite")


@pytest.mark.parametrize("width", [320, 390])
def test_a_narrow_screen_needs_no_sideways_scrolling(open_page: Open, server: Server, width: int) -> None:
    page = open_report(open_page, server, viewport={"width": width, "height": 740}, has_touch=True)
    run = server.run("researcher", "Whales")["run_id"]
    parts = [f"/runs/{run}?tab={tab}" for tab in ("conversation", "timeline", "events", "replay")]
    for view in [None, *VIEWS, *parts]:
        if view:
            page.goto(server.page(view))
            expect(page.locator("h1, [role=alert]").first).to_be_visible()
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        wide = page.evaluate(
            """() => [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > innerWidth + 1
                && !each.closest(".table-frame, pre, .tabs, .visually-hidden, .offscreen")).slice(0, 5).map((each) => each.outerHTML.slice(0, 100))"""
        )
        assert overflow <= 0, (view, wide)
    navigation = page.get_by_role("navigation")
    for name in ("Agents", "Runs", "Sessions", "Processes"):
        expect(navigation.get_by_role("link", name=name)).to_be_in_viewport()


def test_the_theme_follows_the_system_and_can_be_chosen(open_page: Open, server: Server) -> None:
    page = open_page(server.page(), color_scheme="dark")
    color = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(color)
    page.emulate_media(color_scheme="light")
    light = page.evaluate(color)
    assert dark != light
    button = page.get_by_role("button", name="Switch between light and dark")
    button.click()
    button.click()
    expect(page.get_by_text("Dark colors")).to_be_visible()
    assert page.evaluate(color) == dark
    page.reload()
    assert page.evaluate(color) == dark


#: The sources are sent neither compressed nor with entity tags.
needs_files_of_server = pytest.mark.skipif(
    "ACP_PLAYGROUND_FILES" in os.environ, reason="the files of the page are those of the sources"
)


@needs_files_of_server
def test_the_first_view_loads_less_than_100_kib(open_page: Open, server: Server) -> None:
    page = open_page()
    sizes: dict[str, int] = {}
    encodings: dict[str, str | None] = {}

    def finished(request: Any) -> None:
        path = urlsplit(request.url).path
        sizes[path] = request.sizes()["responseBodySize"] + request.sizes()["responseHeadersSize"]
        encodings[path] = request.response().header_value("Content-Encoding")

    page.on("requestfinished", finished)
    page.goto(server.page())
    expect(page.locator(".agent-card").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert sum(sizes.values()) < 100 * 1024, sizes
    assert all(encoding == "gzip" for path, encoding in encodings.items() if path.endswith((".js", ".css"))), encodings
    assert "/playground/main.js" in sizes and len(sizes) < 30


@needs_files_of_server
def test_a_second_visit_downloads_no_file_again(open_page: Open, server: Server) -> None:
    page = open_page(server.page())
    expect(page.locator(".agent-card").first).to_be_visible()
    statuses: list[int] = []
    page.on("response", lambda response: statuses.append(response.status) if "/playground/" in response.url else None)
    sizes: list[int] = []
    page.on(
        "requestfinished",
        lambda request: sizes.append(request.sizes()["responseBodySize"]) if "/playground/" in request.url else None,
    )
    page.reload()
    expect(page.locator(".agent-card").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert statuses and sum(sizes) == 0, list(zip(statuses, sizes))
