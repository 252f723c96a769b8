# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost or shown twice: reloads, lost connections, killed servers, and other processes behind the same port."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from proxy import Proxy
from server import Server, free_port

Open = Callable[..., Page]
Servers = Callable[..., Server]

COUNT = 60
WORDS = " ".join(f"w{number}" for number in range(COUNT))


def start(page: Page, text: str = WORDS, mode: str = "Stream") -> Locator:
    page.get_by_role("radio", name=mode, exact=True).check()
    field = page.get_by_role("textbox", name="Input", exact=True)
    field.fill(text)
    field.press("Control+Enter")
    return page.locator(".run-card").last


def output(card: Locator) -> Locator:
    return card.locator(".run-items > .message")


def completes(card: Locator, text: str = WORDS) -> None:
    """Waits until a run has completed with exactly this output."""
    expect(card.locator(".run-foot .badge[data-status=completed]")).to_be_visible(timeout=60_000)
    expect(output(card)).to_have_text(text)


def test_a_reload_in_the_middle_of_a_stream_shows_everything_once(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/slow"))
    card = start(page)
    for word in ("w5", "w15", "w25"):
        expect(output(card)).to_contain_text(word)
        page.reload()
    completes(card)
    expect(page.locator(".run-card")).to_have_count(1)


@pytest.mark.parametrize("mode", ["Stream", "Sync", "Async"])
def test_a_second_server_continues_a_run_whose_server_was_killed(
    open_page: Open, servers: Servers, tmp_path: Path, redis: str, mode: str
) -> None:
    first, second = servers(redis), servers(redis)
    with Proxy(first.port) as proxy:
        page = open_page(f"{proxy.url}/playground/#/agents/slow")
        card = start(page, mode=mode)
        if mode == "Sync":
            expect(card.locator(".run-foot")).to_be_visible()
        expect(output(card)).to_contain_text("w5")
        first.kill()
        proxy.target = second.port
        completes(card)
        page.reload()
        completes(card)
        expect(page.locator(".run-card")).to_have_count(1)
    assert len(second.runs(session_id=page.url.partition("session=")[2])) == 1


def test_a_server_that_was_killed_continues_on_the_same_storage(
    open_page: Open, servers: Servers, tmp_path: Path
) -> None:
    port, storage = free_port(), f"sqlite:{tmp_path / 'runs.sqlite'}"
    first = servers(storage, port=port)
    page = open_page(first.page("/agents/slow"))
    card = start(page)
    expect(output(card)).to_contain_text("w8")
    first.kill()
    expect(card.get_by_text("Connection lost. Reconnecting…")).to_be_visible()
    expect(page.get_by_text("Server unreachable")).to_be_visible()
    servers(storage, port=port)
    completes(card)
    expect(page.get_by_text("Server unreachable")).to_be_hidden()


def test_a_question_can_be_answered_after_a_restart(open_page: Open, servers: Servers, tmp_path: Path) -> None:
    port, storage = free_port(), f"sqlite:{tmp_path / 'runs.sqlite'}"
    first = servers(storage, port=port)
    page = open_page(first.page("/agents/approver"))
    card = start(page, "go")
    field = card.get_by_role("textbox", name="Typed answer")
    field.fill('{"type": "approval", "decision": "late"}')
    first.kill()
    card.get_by_role("button", name="Send answer").click()
    servers(storage, port=port)
    # The handler is not replayed: whether its run fails or continues is the server's decision, and the page shows it.
    expect(card.locator(".run-foot .badge").first).to_have_text(re.compile("Failed|Completed|Awaiting"), timeout=60_000)


@pytest.mark.parametrize("mode", ["Stream", "Sync", "Async"])
def test_a_run_is_started_once_although_its_request_fails(open_page: Open, servers: Servers, mode: str) -> None:
    server = servers()
    with Proxy(server.port) as proxy:
        page = open_page(f"{proxy.url}/playground/#/agents/echo")
        page.get_by_role("radio", name=mode, exact=True).check()
        # The request arrives, and its response is lost, twice.
        proxy.lose_responses("POST /runs", count=2)
        card = start(page, "once", mode)
        expect(card.locator(".run-foot .badge[data-status=completed]")).to_be_visible()
        expect(output(card)).to_have_text("once")
        expect(page.locator(".run-card")).to_have_count(1)
    assert len(server.runs(agent_name="echo")) == 1


def test_a_request_is_sent_again_after_a_reload(open_page: Open, servers: Servers) -> None:
    server = servers()
    with Proxy(server.port) as proxy:
        page = open_page(f"{proxy.url}/playground/#/agents/echo")
        proxy.lose_responses("POST /runs", count=1_000, before_server=True)
        card = start(page, "persistent")
        expect(card.get_by_text("The server cannot be reached.")).to_be_visible()
        assert server.runs(agent_name="echo") == []
        proxy.lose_responses("POST /runs", count=0)
        page.reload()
        expect(output(page.locator(".run-card"))).to_have_text("persistent")
    assert len(server.runs(agent_name="echo")) == 1


def test_connections_that_break_all_the_time_lose_and_repeat_nothing(open_page: Open, servers: Servers) -> None:
    server = servers()
    with Proxy(server.port) as proxy:
        page = open_page(f"{proxy.url}/playground/#/agents/slow")
        proxy.cut_after = 1500
        card = start(page)
        completes(card)
        assert proxy.cut_count > 3


def test_the_page_continues_when_the_network_is_back(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/slow"))
    card = start(page)
    expect(output(card)).to_contain_text("w3")
    page.context.set_offline(True)
    page.wait_for_timeout(500)
    page.context.set_offline(False)
    completes(card)


def test_more_active_runs_than_connections_do_not_block_the_page(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/sleeper"))
    for number in range(9):
        start(page, f"run {number}")
    cards = page.locator(".run-card")
    expect(cards).to_have_count(9)
    for number in range(9):
        expect(cards.nth(number)).to_contain_text(f"run {number}")
    for number in reversed(range(9)):
        cards.nth(number).get_by_role("button", name="Cancel run").click()
    for number in range(9):
        expect(cards.nth(number).locator(".badge[data-status=cancelled]")).to_be_visible()


def test_a_token_is_asked_for_and_kept_in_the_tab(open_page: Open, servers: Servers) -> None:
    server = servers(token="correct-token")
    page = open_page(server.page("/agents"))
    dialog = page.get_by_role("dialog", name="Access token")
    expect(dialog).to_contain_text("This server requires a token.")
    dialog.get_by_label("Token").fill("wrong-token")
    dialog.get_by_role("button", name="Use token").click()
    expect(dialog).to_contain_text("does not accept this token")
    dialog.get_by_label("Token").fill("correct-token")
    dialog.get_by_label("Token").press("Enter")
    expect(page.locator(".agent-card").first).to_be_visible()
    page.goto(server.page("/agents/echo"))
    page.reload()
    card = start(page, "with a token")
    expect(output(card)).to_have_text("with a token")
    stored = page.evaluate(
        "[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie, location.href]"
    )
    assert ["correct-token" in text for text in stored] == [False, True, False, False]
    card.get_by_role("button", name="Copy as").click()
    page.get_by_role("menuitem", name="curl").click()
    expect(page.get_by_text("Copied: curl")).to_be_visible()
    assert "correct-token" not in page.evaluate("navigator.clipboard.readText()")


def test_a_hidden_page_closes_its_streams_and_continues_when_it_is_visible(open_page: Open, servers: Servers) -> None:
    server = servers()
    page = open_page()
    page.clock.install()
    page.goto(server.page("/agents/slow"))
    page.evaluate(
        """() => {
            window.isHidden = false;
            Object.defineProperty(document, "hidden", { get: () => window.isHidden });
        }"""
    )
    hide = "(isHidden) => { window.isHidden = isHidden; document.dispatchEvent(new Event('visibilitychange')); }"
    card = start(page, mode="Async")
    expect(output(card)).to_contain_text("w3")

    def streams() -> str:
        text = server.request("GET", "/playground/metrics").text
        return re.search(r"^acp_event_streams (\d+)", text, re.MULTILINE)[1]

    assert streams() == "1"
    page.evaluate(hide, True)
    page.clock.fast_forward(25_000)
    # The server notices that a client has gone when it sends the next event.
    (run,) = server.runs(agent_name="slow")
    server.wait_for_status(run["run_id"], "completed")
    assert streams() == "0"
    assert f"w{COUNT - 1}" not in output(card).inner_text()
    page.evaluate(hide, False)
    completes(card)
