# SPDX-License-Identifier: Apache-2.0
"""Lists of runs, a run's page, sessions and processes."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from proxy import Proxy
from server import Server

Open = Callable[..., Page]
Servers = Callable[..., Server]

FLOOD = 100_000


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, str, int]:
    """A server with a run of more than 100,000 events, and the number of its events."""
    server = Server(f"sqlite:{tmp_path_factory.mktemp('flood') / 'runs.sqlite'}")
    run = server.run("flood", str(FLOOD), mode="async")["run_id"]
    server.wait_for_status(run, "completed", seconds=300)
    count = server.request("GET", f"/playground/runs/{run}").json()["event_count"]
    assert count > FLOOD
    yield server, run, count
    server.stop()


# The list


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with 130 runs."""
    server = Server("memory")
    for number in range(120):
        server.run("echo", f"run {number}", session=f"session-{number % 3}")
    for agent in ("questioner", "approver"):
        server.run(agent, "x")
    for _ in range(5):
        server.run("failer", "x", session="session-1")
    server.run("sleeper", "x", mode="async")
    yield server
    server.stop()


def test_runs_are_listed_in_pages_with_live_counts(open_page: Open, listed: Server) -> None:
    page = open_page(listed.page("/runs"))
    rows = page.locator(".run-table tbody tr")
    expect(rows).to_have_count(50)
    expect(page.get_by_text("1–50 of 128")).to_be_visible()
    expect(page.get_by_role("button", name="128 All")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Last page").click()
    expect(page.get_by_text("101–128 of 128")).to_be_visible()
    expect(rows).to_have_count(28)
    page.reload()
    expect(page.get_by_text("101–128 of 128")).to_be_visible()
    page.get_by_role("button", name="Previous page").click()
    expect(page.get_by_text("51–100 of 128")).to_be_visible()
    page.get_by_role("button", name="First page").click()
    expect(page.get_by_text("1–50 of 128")).to_be_visible()
    page.get_by_role("button", name=re.compile("2 Awaiting")).click()
    expect(rows).to_have_count(2)
    # A run that starts meanwhile appears by itself.
    run = listed.run("questioner", "y")
    expect(page.get_by_role("button", name=re.compile("3 Awaiting"))).to_be_visible()
    expect(rows).to_have_count(3)
    listed.request("POST", f"/runs/{run['run_id']}/cancel")
    expect(rows).to_have_count(2)
    listed.wait_for_status(run["run_id"], "cancelled")
    listed.request("DELETE", f"/runs/{run['run_id']}")


def test_runs_are_filtered_by_agent_status_session_and_time(open_page: Open, listed: Server) -> None:
    page = open_page(listed.page("/runs"))
    rows = page.locator(".run-table tbody tr")
    agent, status = page.get_by_label("Agent", exact=True), page.get_by_label("Status", exact=True)
    agent.select_option("failer")
    expect(rows).to_have_count(5)
    page.reload()
    expect(rows).to_have_count(5)
    agent.select_option("")
    status.select_option("failed")
    expect(rows).to_have_count(5)
    expect(page.get_by_text("Searched among")).to_be_visible()
    session = page.get_by_label("Session", exact=True)
    session.fill("session-2")
    session.press("Enter")
    expect(page.get_by_text("No runs match.")).to_be_visible()
    status.select_option("completed")
    expect(rows).to_have_count(40)
    session.fill("")
    session.press("Enter")
    status.select_option("")
    expect(rows).to_have_count(50)
    # A time before all runs, and one after them.
    page.get_by_label("Started until").fill("2020-01-01T00:00")
    page.get_by_label("Started until").press("Tab")
    expect(page.get_by_text("No runs match.")).to_be_visible()
    page.get_by_label("Started until").fill("2099-01-01T00:00")
    page.get_by_label("Started until").press("Tab")
    expect(rows).to_have_count(50)


def test_a_list_of_a_million_runs_is_paged(open_page: Open, server: Server) -> None:
    page = open_page()
    total = 1_000_000

    def respond(route: object) -> None:
        query = dict(part.partition("=")[::2] for part in route.request.url.partition("?")[2].split("&"))
        offset, limit = int(query.get("offset", 0)), int(query["limit"])
        runs = [
            {"run_id": f"00000000-0000-4000-8000-{offset + number:012}", "agent_name": "echo", "status": "completed", "output": [],
             "created_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z"}
            for number in range(min(limit, total - offset))
        ]  # fmt: skip
        route.fulfill(
            json={"runs": runs, "total": total, "next_offset": offset + limit if offset + limit < total else None}
        )

    page.route(re.compile(r"/runs\?"), respond)
    page.goto(server.page("/runs"))
    expect(page.get_by_text("1–50 of 1,000,000")).to_be_visible()
    page.get_by_role("button", name="Last page").click()
    expect(page.get_by_text("999,951–1,000,000 of 1,000,000")).to_be_visible()
    expect(page.locator(".run-table tbody tr")).to_have_count(50)


# A run


def test_a_run_has_a_page_with_its_parts(open_page: Open, server: Server) -> None:
    run = server.run("researcher", "Whales")
    page = open_page(server.page("/runs"))
    page.locator(f"tr[data-run='{run['run_id']}'] .run-open").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(run["run_id"][:8])
    expect(page.locator(".run-card .md-h2")).to_have_text("Whales")
    page.get_by_role("tab", name="Timeline").click()
    expect(page.locator(".timeline-bar[data-kind=running]")).to_have_count(1)
    expect(page.locator(".timeline-bar[data-kind=message]")).to_have_count(1)
    page.get_by_role("tab", name="Events").click()
    expect(page.locator(".event-row").first).to_contain_text("run.created")
    page.reload()
    expect(page.get_by_role("tab", name="Events")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Events").press("ArrowRight")
    expect(page.get_by_role("tab", name="Replay")).to_be_focused()
    expect(page.get_by_label("Position")).to_be_visible()
    page.get_by_role("tab", name="Conversation").click()
    page.get_by_role("button", name="Run again").click()
    expect(page.locator(".run-card .badge[data-status=completed]")).to_be_visible()
    assert len(server.runs(agent_name="researcher")) >= 2


def test_the_timeline_shows_a_question_and_events_as_they_arrive(open_page: Open, server: Server) -> None:
    run = server.run("questioner", "x")["run_id"]
    page = open_page(server.page(f"/runs/{run}?tab=timeline"))
    expect(page.locator(".timeline-bar[data-kind=awaiting]")).to_have_count(1)
    answer = {"await_resume": {"type": "message", "message": {"parts": [{"content": "Ada"}]}}}
    server.request("POST", f"/runs/{run}", json=answer)
    expect(page.locator(".run-subtitle .badge[data-status=completed]")).to_be_visible()
    expect(page.locator(".timeline-bar[data-kind=running]")).to_have_count(2)
    expect(page.locator(".timeline-mark[data-kind=arrival]").first).to_be_attached()
    expect(page.get_by_role("row", name=re.compile("Awaiting an answer"))).to_be_visible()


def test_the_timeline_marks_that_another_process_continues(open_page: Open, servers: Servers, redis: str) -> None:
    first, second = servers(redis), servers(redis)
    with Proxy(first.port) as proxy:
        run = first.run("slow", " ".join(["word"] * 120), mode="async")["run_id"]
        page = open_page(f"{proxy.url}/playground/#/runs/{run}?tab=timeline")
        expect(page.locator(".timeline-mark[data-kind=arrival]").first).to_be_attached()
        first.kill()
        proxy.target = second.port
        expect(page.locator(".timeline-mark[data-kind=recovery]")).to_have_count(1)
        expect(page.get_by_text("Continued by", exact=False).first).to_be_visible()


def test_a_run_is_replayed_event_by_event(open_page: Open, server: Server) -> None:
    run = server.run("slow", "one two three four")["run_id"]
    page = open_page(server.page(f"/runs/{run}?tab=replay"))
    slider = page.get_by_label("Position")
    output = page.locator(".replay-view .run-items")
    expect(output).to_have_text("")
    expect(page.locator(".replay-view .turn.user")).to_contain_text("one two three four")
    slider.fill("4")
    expect(output).to_have_text("one")
    expect(page.locator(".replay-event")).to_contain_text("message.part")
    page.get_by_role("button", name="One event forward").click()
    expect(output).to_have_text("one two")
    page.get_by_role("button", name="One event back").click()
    expect(output).to_have_text("one")
    page.get_by_role("button", name="Play").click()
    expect(output).to_have_text("one two three four")
    expect(page.locator(".replay-view .badge[data-status=completed]")).to_be_visible()
    slider.focus()
    page.keyboard.press("Home")
    expect(output).to_have_text("")


def test_a_run_is_deleted_after_a_confirmation(open_page: Open, server: Server) -> None:
    run = server.run("echo", "x")["run_id"]
    page = open_page(server.page(f"/runs/{run}"))
    page.get_by_role("button", name="Delete run").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(run[:8])
    page.get_by_role("button", name="Delete run").click()
    dialog.get_by_role("button", name="Delete run").click()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    assert run not in [each["run_id"] for each in server.runs()]


# Many events


def longest_task(page: Page, action: Callable[[], None]) -> float:
    """Returns the longest time in milliseconds in which the page did not respond during an action."""
    page.evaluate(
        """() => {
            window.longest = 0;
            window.observer = new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
            });
            window.observer.observe({ type: "longtask" });
        }"""
    )
    action()
    return float(page.evaluate("() => { window.observer.disconnect(); return window.longest; }"))


def test_a_hundred_thousand_events_are_a_list_of_which_little_exists(
    open_page: Open, flooded: tuple[Server, str, int]
) -> None:
    server, run, count = flooded
    page = open_page(server.page(f"/runs/{run}?tab=events"))
    rows = page.locator(".event-row")
    expect(page.get_by_text(f"{count:,} events")).to_be_visible()
    expect(rows.first).to_contain_text("run.created")
    events = page.get_by_role("listbox", name="Events of the run")

    def scroll() -> None:
        events.evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
        expect(rows.filter(has_text="run.completed")).to_be_visible()
        events.evaluate("(list) => { list.scrollTop = list.scrollHeight / 2; }")
        expect(rows.filter(has_text=re.compile(r"word \d"))).not_to_have_count(0)
        events.focus()
        page.keyboard.press("End")
        expect(page.locator(".event-row[aria-selected=true]")).to_contain_text("run.completed")
        page.keyboard.press("Enter")
        expect(page.locator(".event-detail")).to_contain_text("run.completed")
        page.keyboard.press("Home")
        expect(page.locator(".event-row[aria-selected=true]")).to_contain_text("run.created")

    assert longest_task(page, scroll) < 2_000
    assert rows.count() < 80
    assert page.locator("*").count() < 3_000


def test_events_are_searched_among_a_hundred_thousand(open_page: Open, flooded: tuple[Server, str, int]) -> None:
    server, run, count = flooded
    page = open_page(server.page(f"/runs/{run}?tab=events"))
    expect(page.get_by_text(f"{count:,} events")).to_be_visible()
    page.get_by_role("searchbox", name="Filter events").fill('"progress":100000')
    expect(page.get_by_text("1 match")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(f"Searched {count:,} of {count:,}")).to_be_visible(timeout=60_000)
    expect(page.locator(".event-row")).to_have_count(1)
    expect(page.locator(".event-row")).to_contain_text("generic")


def test_a_hundred_thousand_events_are_replayed_and_shown(open_page: Open, flooded: tuple[Server, str, int]) -> None:
    server, run, count = flooded
    page = open_page(server.page(f"/runs/{run}?tab=replay"))
    slider = page.get_by_label("Position")
    expect(page.get_by_text(f"0 / {count:,}")).to_be_visible()
    slider.fill(str(count))
    expect(page.locator(".replay-view .badge[data-status=completed]")).to_be_visible(timeout=90_000)
    slider.fill("10")
    expect(page.locator(".replay-event")).to_contain_text("message.part")
    page.get_by_role("tab", name="Conversation").click()
    expect(page.locator(".run-card:visible .badge[data-status=completed]")).to_be_visible()
    page.get_by_role("tab", name="Timeline").click()
    expect(page.locator("[role=tabpanel]:visible .hint[role=status]")).to_have_text(f"{count:,} events", timeout=60_000)


def test_a_hundred_thousand_events_can_be_streamed(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/flood"))
    card = page.locator(".run-card")

    def stream() -> None:
        page.get_by_role("textbox", name="Input", exact=True).fill(str(FLOOD))
        page.keyboard.press("Control+Enter")
        expect(card.locator(".badge[data-status=completed]")).to_be_visible(timeout=180_000)

    # Far below the time after which a browser tells that a page does not respond.
    assert longest_task(page, stream) < 3_000
    expect(card.locator(".run-items")).to_contain_text("word 99999")
    assert page.locator("*").count() < 20_000


# Sessions


def test_a_session_is_a_conversation_with_messages_and_a_state(open_page: Open, servers: Servers) -> None:
    server = servers()
    for _ in range(3):
        server.run("counter", "count", session="counted")
    server.run("echo", "and an echo", session="counted")
    page = open_page(server.page("/sessions"))
    entry = page.locator(".session-entry").filter(has=page.get_by_role("link", name="counted", exact=True))
    expect(entry).to_contain_text("counter")
    expect(entry).to_contain_text("4 runs")
    entry.get_by_role("link").click()
    expect(page.locator(".run-card")).to_have_count(4)
    expect(page.locator(".run-card").nth(2)).to_contain_text("Count: 3")
    expect(page.locator(".run-card").last).to_contain_text("and an echo")
    page.get_by_role("tab", name="Messages (8)").click()
    expect(page.locator(".history-entry")).to_have_count(8)
    expect(page.locator(".history-entry").first).to_contain_text("user")
    page.get_by_role("tab", name="State").click()
    expect(page.locator(".part[data-type='application/json']")).to_contain_text("3")
    page.get_by_role("link", name="Continue with an agent").click()
    expect(page.locator(".run-card")).to_have_count(4)
    page.goto(server.page("/sessions/counted"))
    page.get_by_role("button", name="Delete session").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete session").click()
    expect(page.get_by_role("heading", name="Sessions", level=1)).to_be_visible()


def test_a_session_that_does_not_exist_is_an_error(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/sessions"))
    page.get_by_role("textbox", name="Open a session by its id").fill("nobody's")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()


# Processes


def test_processes_storage_and_rates_are_shown(open_page: Open, servers: Servers, tmp_path: Path) -> None:
    server = servers(f"sqlite:{tmp_path / 'runs.sqlite'}")
    run = server.run("sleeper", "x", mode="async")["run_id"]
    page = open_page(server.page("/processes"))
    row = page.get_by_role("row").filter(has_text="this one")
    expect(row).to_contain_text("Alive")
    expect(row.get_by_role("link", name=run[:8])).to_be_visible()
    chart = page.locator(".chart").filter(has_text="Active runs")
    expect(chart.locator(".chart-value")).to_have_text("1")
    expect(chart.get_by_role("img", name="Active runs: 1")).to_be_visible()
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_role("row", name=re.compile("acp_runs"))).to_be_visible()
    expect(page.locator(".figures").filter(has_text="File bytes")).to_contain_text("KiB")


def test_processes_of_one_storage_are_shown_with_their_leases(open_page: Open, servers: Servers, redis: str) -> None:
    first, second = servers(redis), servers(redis)
    page = open_page(first.page("/processes"))
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_text("Lease of this process")).to_be_visible()
    run = second.run("questioner", "x")["run_id"]
    expect(page.get_by_role("row").filter(has_text=run[:8])).to_be_visible()
    second.kill()
    expect(page.locator("tbody tr").filter(has_text="this one").get_by_role("link", name=run[:8])).to_be_visible()
