# SPDX-License-Identifier: Apache-2.0
"""Contents of agents run nothing, load nothing, and never become a part of the page."""

import base64
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from server import Server

Open = Callable[..., Page]

#: What hostile contents try to do: `window.hacked`, another title, a request elsewhere, a change of the page.
SCRIPT = "window.hacked=1;parent.hacked=1;top.hacked=1;document.title='hacked';fetch('https://evil.example/x')"

HOSTILE_TEXTS = [
    f"<script>{SCRIPT}</script>",
    f'<img src=x onerror="{SCRIPT}">',
    "<img src='https://evil.example/pixel.png'>",
    f'<svg onload="{SCRIPT}"></svg>',
    f'<iframe srcdoc="<script>{SCRIPT}</script>"></iframe>',
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href='https://evil.example/'>",
    "<style>@import 'https://evil.example/style.css'; body{display:none}</style>",
    "<link rel=stylesheet href='https://evil.example/style.css'>",
    "<form action='https://evil.example/'><button>Send</button></form>",
    "![pixel](https://evil.example/pixel.png)",
    "[click](javascript:window.hacked=1)",
    "[click](JaVaScRiPt:window.hacked=1)",
    "[click](java\nscript:window.hacked=1)",
    "[click](data:text/html,<script>parent.hacked=1</script>)",
    "[click](vbscript:x)",
    "[click](blob:https://evil.example/x)",
    "[click](//evil.example/x)",
    "<javascript:window.hacked=1>",
    '<https://evil.example/"onmouseover="window.hacked=1>',
    '[a](https://evil.example/"onclick="window.hacked=1)',
    "```html\n<script>window.hacked=1</script>\n```",
    '```"><script>window.hacked=1</script>\ntext\n```',
    "| <script>window.hacked=1</script> | b |\n|---|---|\n| <img src=x onerror=window.hacked=1> | \ue0001\ue001 |",
    "# <img src=x onerror=window.hacked=1>",
    "- [x] <img src=x onerror=window.hacked=1>",
    "`<img src=x onerror=window.hacked=1>`",
    "\u202egnp.exe \u0000 \ue0001\ue001 \ufeff",
]

SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10" onload="{SCRIPT}">
<script>{SCRIPT}</script><image href="https://evil.example/pixel.png" width="10" height="10"/>
<foreignObject width="10" height="10"><iframe xmlns="http://www.w3.org/1999/xhtml" src="https://evil.example/"/></foreignObject>
<a xlink:href="javascript:parent.hacked=1"><rect width="10" height="10" fill="red"/></a>
<use href="https://evil.example/x.svg#a"/><style>@import "https://evil.example/style.css";</style></svg>"""

HOSTILE_PARTS: list[dict[str, Any]] = [
    {"name": "x.svg", "content_type": "image/svg+xml", "content": SVG},
    {
        "name": "x.svg",
        "content_type": "image/svg+xml",
        "content": f"<!DOCTYPE svg [<!ENTITY x '<script>{SCRIPT}</script>'>]><svg xmlns='http://www.w3.org/2000/svg'>&x;</svg>",
    },
    {
        "name": "x.html",
        "content_type": "text/html",
        "content": f"<h1>Hello</h1><script>{SCRIPT}</script><img src='https://evil.example/p.png'><link rel=stylesheet href='https://evil.example/s.css'><link rel=preconnect href='https://evil.example'>",
    },
    {
        "name": "x.html",
        "content_type": "text/html",
        "content": "<a id=link href='https://evil.example/' target=_top>x</a><form action='https://evil.example/'><input name=a><button id=send>x</button></form><iframe src='https://evil.example/'></iframe>",
    },
    {
        "name": "x.xhtml",
        "content_type": "application/xhtml+xml",
        "content": f"<html xmlns='http://www.w3.org/1999/xhtml'><script>{SCRIPT}</script></html>",
    },
    {
        "name": "x.png",
        "content_type": "image/png",
        "content": base64.b64encode(SVG.encode()).decode(),
        "content_encoding": "base64",
    },
    {"name": "x.png", "content_type": "image/png", "content": "not base64!!", "content_encoding": "plain"},
    {"name": "x.mp3", "content_type": "audio/mpeg", "content": "AAAA", "content_encoding": "base64"},
    {
        "name": "x.pdf",
        "content_type": "application/pdf",
        "content": base64.b64encode(f"<script>{SCRIPT}</script>".encode()).decode(),
        "content_encoding": "base64",
    },
    {
        "name": "x.json",
        "content_type": "application/json",
        "content": '{"__proto__": {"hacked": 1}, "<img src=x onerror=window.hacked=1>": "<script>window.hacked=1</script>"}',
    },
    {
        "name": "x.csv",
        "content_type": "text/csv",
        "content": "<script>window.hacked=1</script>,=cmd|'/c calc'!A1\n<img src=x onerror=window.hacked=1>,2",
    },
    {"name": "x.md", "content_type": "text/markdown", "content": "\n\n".join(HOSTILE_TEXTS)},
    {
        "name": "<img src=x onerror=window.hacked=1>",
        "content_type": "text/x-<img src=x onerror=window.hacked=1>",
        "content": "x",
    },
    {
        "name": "../../etc/passwd",
        "content_type": "application/octet-stream",
        "content": "AAAA",
        "content_encoding": "base64",
    },
    {"name": "remote.png", "content_type": "image/png", "content_url": "https://evil.example/pixel.png"},
    {"name": "script.png", "content_type": "image/png", "content_url": "javascript:window.hacked=1"},
    {
        "content": "",
        "metadata": {
            "kind": "citation",
            "url": "javascript:window.hacked=1",
            "title": "<img src=x onerror=window.hacked=1>",
            "description": "<script>window.hacked=1</script>",
        },
    },
    {
        "content": "",
        "metadata": {
            "kind": "trajectory",
            "message": "<img src=x onerror=window.hacked=1>",
            "tool_name": "<b>x</b>",
            "tool_input": {"<img src=x>": "<script>"},
        },
    },
]


def check(page: Page, title: str) -> None:
    """Checks that nothing has happened to the page."""
    assert page.evaluate("[window.hacked, ({}).hacked]") == [None, None]
    assert page.title() == title
    assert page.locator("script:not([src])").count() == 0
    # Nothing but what the page itself makes: its icon, and images of contents.
    sources = page.locator("img, iframe, audio, video, link, script").evaluate_all(
        "(all) => all.map((each) => each.src || each.href)"
    )
    assert all(
        re.match(rf"(blob:)?{re.escape(page.evaluate('location.origin'))}/|data:", source) for source in sources
    ), sources
    links = page.locator("a").evaluate_all("(all) => all.map((each) => each.href)")
    assert all(link.startswith(("http://", "https://", "mailto:")) for link in links), links
    handlers = page.evaluate(
        "[...document.querySelectorAll('*')].filter((each) => each.getAttributeNames().some((name) => name.startsWith('on'))).length"
    )
    assert handlers == 0


def open_details(page: Page) -> None:
    """Opens everything that can be opened, also what is created then."""
    for _ in range(4):
        page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
        page.wait_for_timeout(50)


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_hostile_texts_remain_texts(open_page: Open, server: Server, text: str) -> None:
    run = server.run("echo", text.replace("\u0000", ""))
    page = open_page(server.page(f"/agents/echo?session={run['session_id']}"))
    expect(page.locator(".turn.agent .message")).to_be_visible()
    for link in page.locator(".turn.agent .message a").all():
        assert link.get_attribute("target") == "_blank" and "noopener" in (link.get_attribute("rel") or "")
    check(page, "echo · Agents · Playground")


@pytest.mark.parametrize("index", range(len(HOSTILE_PARTS)))
def test_hostile_parts_are_shown_in_isolation(open_page: Open, server: Server, index: int) -> None:
    part = HOSTILE_PARTS[index]
    run = server.send("echo", [part])
    page = open_page(server.page(f"/agents/echo?session={run['session_id']}"))
    message = page.locator(".turn.agent .message")
    expect(message).to_be_visible()
    preview = message.get_by_role("button", name="Preview")
    if preview.count():
        preview.click()
    page.wait_for_timeout(300)
    assert page.locator("iframe:not([src^='blob:'])").count() == 0
    open_details(page)
    check(page, "echo · Agents · Playground")
    if message.get_by_role("button", name="Download").count():
        with page.expect_download() as download:
            message.get_by_role("button", name="Download").click()
        assert "/" not in download.value.suggested_filename and ".." not in download.value.suggested_filename


def test_hostile_metadata_of_agents_and_errors_remain_texts(open_page: Open, server: Server) -> None:
    page = open_page()
    evil = "<img src=x onerror=window.hacked=1>"
    manifest = {
        "name": "evil",
        "description": evil,
        "input_content_types": [evil],
        "output_content_types": [evil],
        "metadata": {
            "documentation": "\n\n".join(HOSTILE_TEXTS),
            "tags": [evil],
            "author": {"name": evil, "url": "javascript:window.hacked=1"},
            "links": [{"type": evil, "url": "javascript:window.hacked=1"}],
            "annotations": {evil: evil},
        },
    }
    page.route("**/agents/evil", lambda route: route.fulfill(json=manifest))
    page.goto(server.page("/agents/evil"))
    expect(page.get_by_text(evil).first).to_be_visible()
    open_details(page)
    check(page, "evil · Agents · Playground")
    page.route(
        "**/agents/evil",
        lambda route: route.fulfill(status=404, json={"code": evil, "message": f"<script>{SCRIPT}</script>"}),
    )
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("<script>")
    check(page, "evil · Agents · Playground")


def test_the_policy_forbids_what_the_page_does_not_need(server: Server) -> None:
    response = httpx.get(f"{server.url}/playground/")
    policy = dict(part.partition(" ")[::2] for part in response.headers["Content-Security-Policy"].split("; "))
    assert (
        policy["default-src"] == "'none'"
        and policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    )
    assert (
        policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == policy["trusted-types"] == "'none'"
    )
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert (
        response.headers["X-Content-Type-Options"] == "nosniff" and response.headers["Referrer-Policy"] == "no-referrer"
    )


def test_the_sources_contain_no_inline_script_and_no_address_elsewhere() -> None:
    from conftest import FILES

    for file in FILES.rglob("*"):
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            file
        )
        if file.suffix == ".html":
            assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", text)
        addresses = {address for address in re.findall(r"https?://[^\s\"'`)<>]+", text) if "www.w3.org" not in address}
        assert file.suffix == ".js" or not addresses, (file, addresses)
