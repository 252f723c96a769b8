# SPDX-License-Identifier: Apache-2.0
"""Runs as conversations: all modes, output as what it is, questions, and what can be done with a run."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from server import Server

Open = Callable[..., Page]


def send(page: Page, text: str, mode: str = "Stream") -> Locator:
    """Starts a run, and returns its card."""
    page.get_by_role("radio", name=mode, exact=True).check()
    field = page.get_by_role("textbox", name="Input", exact=True)
    field.fill(text)
    field.press("Control+Enter")
    return page.locator(".run-card").last


def status(card: Locator, value: str) -> None:
    expect(card.locator(f".run-foot .badge[data-status={value}]")).to_be_visible()


@pytest.mark.parametrize("mode", ["Stream", "Sync", "Async"])
def test_every_mode_shows_the_same_run(open_page: Open, server: Server, mode: str) -> None:
    page = open_page(server.page("/agents/slow"))
    card = send(page, "one two three four", mode)
    status(card, "completed")
    expect(card.locator(".turn.user")).to_contain_text("one two three four")
    expect(card.locator(".turn.agent .message")).to_have_text("one two three four")
    (run,) = server.runs(session_id=page.url.partition("session=")[2])
    assert run["status"] == "completed"


def test_text_grows_while_it_is_streamed(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/slow"))
    card = send(page, "**alpha** " + " ".join(f"w{number}" for number in range(30)))
    output = card.locator(".turn.agent .message")
    expect(output).to_contain_text("w2")
    assert "w29" not in output.inner_text()
    status(card, "in-progress")
    expect(output.locator("strong")).to_have_text("alpha")
    status(card, "completed")
    expect(output).to_contain_text("w29")


def test_a_report_is_shown_with_code_table_steps_sources_and_artifacts(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/researcher"))
    card = send(page, "Whales")
    status(card, "completed")
    output = card.locator(".turn.agent")
    expect(output.locator(".md-h2")).to_have_text("Whales")
    expect(output.locator(".markdown .table tr")).to_have_count(3)
    expect(output.locator("ol > li").filter(has_text="Songs travel")).to_be_visible()

    output.get_by_role("button", name="Copy code").first.click()
    assert "let longest = whales.max" in page.evaluate("navigator.clipboard.readText()")

    steps = output.locator("details.steps")
    expect(steps.locator("summary").first).to_contain_text("2 steps")
    steps.locator("summary").first.click()
    steps.get_by_text("search", exact=True).last.click()
    expect(steps.locator(".json-tree").first).to_contain_text('"Whales"')
    expect(steps.locator(".json-tree").last).to_contain_text("hits")

    sources = output.locator(".sources li")
    expect(sources).to_have_count(2)
    expect(sources.first.get_by_role("link")).to_have_attribute("href", "https://example.org/whales")
    expect(output.locator(".markdown ol > li").last).to_have_text("Each group has songs of its own.2")
    expect(output.locator("p", has_text="ever lived.").first).to_have_text(re.compile(r"ever lived\.1 Its heart"))
    output.get_by_role("button", name="Source 1").click()
    expect(sources.first).to_be_focused()

    table = output.locator(".part[data-type='text/csv'] table")
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(table.locator("tbody tr").last).to_contain_text("sperm whale, male")
    image = output.locator(".part[data-type='image/svg+xml'] img")
    expect(image).to_be_visible()
    assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    with page.expect_download() as download:
        output.locator(".part").first.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "lengths.csv"


def test_output_can_be_read_as_it_was_sent(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/echo"))
    card = send(page, "# Title\n\n- *item*")
    status(card, "completed")
    output = card.locator(".turn.agent .message")
    expect(output.locator("em")).to_have_text("item")
    card.get_by_role("button", name="Source text").click()
    expect(output).to_have_text("# Title\n\n- *item*", use_inner_text=True)
    card.get_by_role("button", name="Source text").click()
    expect(output.locator("em")).to_have_text("item")


@pytest.mark.parametrize("mode", ["Stream", "Sync", "Async"])
def test_a_question_becomes_a_form(open_page: Open, server: Server, mode: str) -> None:
    page = open_page(server.page("/agents/questioner"))
    card = send(page, "hello", mode)
    status(card, "awaiting")
    question = card.locator(".question")
    expect(question.locator("strong")).to_have_text("name")
    expect(question).to_contain_text("Answer until")
    question.get_by_role("textbox", name="Answer", exact=True).fill("Ada")
    question.get_by_role("button", name="Send answer").click()
    status(card, "completed")
    expect(card.locator(".turn.agent > .run-items > .message")).to_have_text("Hello, Ada!")
    expect(question.locator(".turn.user")).to_contain_text("Ada")
    expect(question.get_by_role("button", name="Send answer")).to_have_count(0)
    page.reload()
    expect(page.locator(".question .turn.user")).to_contain_text("Ada")
    expect(page.locator(".run-items > .message")).to_have_text("Hello, Ada!")


def test_a_question_of_another_type_gets_an_object(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/approver"))
    card = send(page, "go")
    status(card, "awaiting")
    question = card.locator(".question")
    expect(question.locator(".json-tree")).to_contain_text("send 3 letters")
    field = question.get_by_role("textbox", name="Typed answer")
    expect(field).to_have_value('{\n  "type": "approval"\n}')
    field.fill('{"type": "approval", "decision": ')
    question.get_by_role("button", name="Send answer").click()
    expect(question.get_by_text("Not valid JSON")).to_be_visible()
    field.fill('{"type": "approval", "decision": "yes"}')
    question.get_by_role("button", name="Send answer").click()
    status(card, "completed")
    expect(card.locator(".run-items > .message")).to_have_text("Decision: yes")


@pytest.mark.parametrize("mode", ["Stream", "Sync", "Async"])
def test_a_run_is_cancelled(open_page: Open, server: Server, mode: str) -> None:
    page = open_page(server.page("/agents/sleeper"))
    card = send(page, "x", mode)
    card.get_by_role("button", name="Cancel run").click()
    status(card, "cancelled")
    expect(card.get_by_text("The run was cancelled.")).to_be_visible()
    expect(card.get_by_role("button", name="Cancel run")).to_have_count(0)


def test_a_run_is_started_again_with_its_input(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/counter"))
    card = send(page, "same input")
    status(card, "completed")
    card.get_by_role("button", name="Run again").click()
    cards = page.locator(".run-card")
    expect(cards).to_have_count(2)
    status(cards.nth(1), "completed")
    expect(cards.nth(1)).to_contain_text("same input")
    expect(cards.nth(1)).to_contain_text("Count: 2")


def test_a_session_is_a_conversation_until_a_new_one_begins(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/counter"))
    for number in (1, 2, 3):
        expect(send(page, "x")).to_contain_text(f"Count: {number}")
    page.get_by_role("button", name="New session").click()
    expect(page.locator(".run-card")).to_have_count(0)
    expect(send(page, "x")).to_contain_text("Count: 1")
    page.go_back()
    expect(page.locator(".run-card")).to_have_count(3)


def test_a_failed_run_shows_its_error(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/failer"))
    card = send(page, "x")
    status(card, "failed")
    alert = card.get_by_role("alert")
    expect(alert).to_contain_text("this agent always fails")
    expect(alert).to_contain_text("out_of_luck")
    expect(alert.locator(".json-tree")).to_contain_text("luck: 0")


def test_a_run_without_output_tells_so(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/silent"))
    card = send(page, "x")
    status(card, "completed")
    expect(card.get_by_text("No output")).to_be_visible()


def test_a_request_can_be_copied_as_a_program(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/echo"))
    card = send(page, "it's me")
    status(card, "completed")
    for name, text in [("curl", "it'\\''s me"), ("Swift", 'input: "it\'s me"'), ("Python", '"it\'s me"')]:
        card.get_by_role("button", name="Copy as").click()
        page.get_by_role("menuitem", name=name).click()
        expect(page.get_by_text(f"Copied: {name}")).to_be_visible()
        code = page.evaluate("navigator.clipboard.readText()")
        assert text in code and server.url in code


def test_an_input_that_the_server_rejects_is_an_error(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/echo"))
    page.get_by_role("textbox", name="Input", exact=True).fill("x")
    page.route(
        "**/runs",
        lambda route: (
            route.fulfill(
                status=422,
                content_type="application/json",
                body='{"code": "invalid_input", "message": "no such thing"}',
            )
            if route.request.method == "POST"
            else route.continue_()
        ),
    )
    page.get_by_role("button", name="Run", exact=True).click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("no such thing")
    expect(alert).to_contain_text("invalid_input")
    page.unroute_all()
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator(".badge[data-status=completed]")).to_be_visible()
