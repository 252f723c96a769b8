# SPDX-License-Identifier: Apache-2.0
"""The list of agents, their manifests, and the forms for their inputs."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from server import Server

Open = Callable[..., Page]

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def last_run(server: Server, agent: str) -> dict:
    """Returns the newest run of an agent with its output."""
    return server.runs(agent_name=agent)[0]


def test_agents_are_listed_and_found_by_any_word(open_page: Open, server: Server) -> None:
    page = open_page(server.page())
    expect(page.locator(".agent-card")).to_have_count(12)
    expect(page.get_by_text("12 agents")).to_be_visible()
    search = page.get_by_role("searchbox", name="Search agents")
    search.fill("report SOURCES")
    expect(page.locator(".agent-card:visible")).to_have_count(1)
    expect(page.get_by_role("link", name="researcher")).to_be_visible()
    search.fill("image/")
    expect(page.get_by_role("link", name="viewer")).to_be_visible()
    page.reload()
    expect(page.locator(".agent-card:visible")).to_have_count(1)
    search.fill("no such agent")
    expect(page.get_by_text("No agent matches.")).to_be_visible()


def test_a_manifest_shows_everything_that_it_declares(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/researcher"))
    about = page.get_by_role("complementary", name="About this agent")
    for text in ("*/*", "Researcher", "nature", "Sources", "Cites where", "Apache-2.0", "Swift"):
        expect(about).to_contain_text(text)
    link = about.get_by_role("link", name="documentation")
    expect(link).to_have_attribute("href", "https://example.org/researcher")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    about.get_by_text("Documentation", exact=True).click()
    expect(about.locator(".markdown strong")).to_have_text("topic")
    about.get_by_text("Manifest as JSON").click()
    expect(about.locator(".json-tree").last).to_contain_text("input_content_types")


def test_an_agent_that_does_not_exist_is_an_error_with_a_remedy(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/nobody"))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("nobody")
    expect(alert).to_contain_text("not_found")
    expect(alert).to_contain_text("404")
    expect(alert.get_by_role("button", name="Try again")).to_be_visible()


def test_json_is_checked_before_it_is_sent(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/calculator"))
    field = page.get_by_role("textbox", name="Input: JSON")
    field.fill('{"a": 1,\n "b": }')
    expect(page.get_by_text("Not valid JSON, line 2")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".run-card")).to_have_count(0)
    field.fill('{"a": 1, "b": 41}')
    expect(page.get_by_text("Valid JSON", exact=True)).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".run-card .json-tree").last).to_contain_text("42")
    expect(page.get_by_role("textbox", name="Input", exact=True)).to_be_hidden()


def test_files_are_attached_by_picker_drop_and_clipboard(open_page: Open, server: Server, tmp_path: Path) -> None:
    page = open_page(server.page("/agents/viewer"))
    image = tmp_path / "pixel.png"
    image.write_bytes(PIXEL)
    page.locator("input[type=file]").set_input_files(image)
    attachments = page.locator(".attachment")
    expect(attachments).to_have_count(1)
    expect(attachments.first).to_contain_text("pixel.png")
    expect(attachments.first).to_contain_text("image/png, 70 B")

    files = """(element, [kind, bytes, name, type]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, { type }));
        const event = kind === "drop" ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
        element.dispatchEvent(event);
    }"""
    composer = page.locator(".composer-card .composer")
    composer.evaluate(files, ["drop", list(PIXEL), "dropped.png", "image/png"])
    expect(attachments).to_have_count(2)
    composer.evaluate(files, ["paste", list(PIXEL), "image.png", "image/png"])
    expect(attachments).to_have_count(3)
    composer.evaluate(files, ["drop", list(b"a,b"), "table.csv", "text/csv"])
    expect(attachments.last).to_contain_text("does not declare text/csv")
    for name in ("dropped.png", "image.png", "table.csv"):
        page.get_by_role("button", name=f"Remove {name}").click()
    expect(attachments).to_have_count(1)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".run-card .message").last).to_have_text("image/png with 96 characters")
    expect(page.locator(".run-card .turn.user img")).to_be_visible()


def test_texts_and_bytes_of_files_arrive_unchanged(open_page: Open, server: Server, tmp_path: Path) -> None:
    page = open_page(server.page("/agents/echo"))
    files = {"ü 1.csv": "a,ü\n1,2\n".encode(), "raw.bin": bytes(range(256)), "not utf-8.txt": b"\xff\xfe\xfd"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    page.locator("input[type=file]").set_input_files([tmp_path / name for name in files])
    page.get_by_role("textbox", name="Input", exact=True).fill("with files")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".badge[data-status=completed]")).to_be_visible()
    parts = last_run(server, "echo")["output"][0]["parts"]
    assert parts[0]["content"] == "with files"
    received = {
        part["name"]: base64.b64decode(part["content"])
        if part["content_encoding"] == "base64"
        else part["content"].encode()
        for part in parts[1:]
    }
    assert received == files


def test_recent_inputs_are_kept_on_the_device(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/echo"))
    field = page.get_by_role("textbox", name="Input", exact=True)
    for text in ("first input", "second input", "first input"):
        field.fill(text)
        field.press("Control+Enter")
        expect(field).to_have_value("")
    page.reload()
    page.get_by_role("button", name="Recent inputs").click()
    items = page.locator(".recent-item")
    expect(items).to_have_text(["first input", "second input"])
    items.nth(1).click()
    expect(field).to_have_value("second input")
    expect(field).to_be_focused()


def test_an_empty_text_is_a_valid_input(open_page: Open, server: Server) -> None:
    page = open_page(server.page("/agents/echo"))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".badge[data-status=completed]")).to_be_visible()
    assert json.dumps(last_run(server, "echo")["output"])
