# SPDX-License-Identifier: Apache-2.0
"""The page in Chromium. Every test fails if the page reports an error, violates its policy, or asks another server for
anything.

With ACP_PLAYGROUND_FILES=1, the files of the page are read from the sources, so that a change needs no build.
"""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, expect, sync_playwright
from redis_process import RedisProcess
from server import ROOT, Server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FILES = ROOT / "Sources" / "CPlaygroundPage" / "Page"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
#: How long the page may take for one step, in milliseconds.
TIMEOUT = int(os.environ.get("ACP_PLAYGROUND_TIMEOUT", "30000"))


class Sink:
    """Stands for all other servers, and counts the connections to them."""

    def __init__(self) -> None:
        self.count = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.count += 1
            client.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture(scope="session")
def browser(sink: Sink) -> Iterator[Browser]:
    assert CHROMIUM is not None, "Chromium is not installed: scripts/setup installs it"
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        # Root has no user namespaces for the sandbox of the browser.
        arguments = [
            "--disable-dev-shm-usage",
            f"--host-resolver-rules=MAP evil.example 127.0.0.1:{sink.port}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Guard:
    """What the page must not do."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        #: Messages of the console that a test expects, as parts of their text.
        self.expected: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}\n{error.stack or ''}"))
        page.on("requestfinished", self._request)
        page.on("requestfailed", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # Failed requests are reported by the browser, and are shown by the page.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            if not any(text in message.text for text in self.expected):
                self.faults.append(f"console: {message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        # The browser reports requests that it has not sent because of the page's policy as well.
        if parts.scheme in ("http", "https") and parts.hostname != "127.0.0.1" and request.failure != "csp":
            self.faults.append(f"request: {request.url} {request.failure or ''}")


#: The headers of the server's own files.
HEADERS: dict[str, str] = {}


def serve_sources(route: Route) -> None:
    """Answers with a file of the sources, and with the headers of the server."""
    path = urlsplit(route.request.url).path.partition("/playground/")[2] or "index.html"
    file = FILES / path
    if not file.is_file():
        route.continue_()
        return
    if not HEADERS:
        root = route.request.url.partition("/playground/")[0] + "/playground/"
        HEADERS.update(httpx.get(root).headers)
        for name in ("content-encoding", "content-length", "etag"):
            HEADERS.pop(name, None)
    route.fulfill(
        status=200, headers={**HEADERS, "content-type": f"{TYPES[file.suffix]}; charset=utf-8"}, body=file.read_bytes()
    )


def prepare(context: BrowserContext) -> None:
    """Lets the pages of a profile have the files of the sources, if that is wished."""
    if os.environ.get("ACP_PLAYGROUND_FILES"):
        context.route("**/playground/**", serve_sources)


@pytest.fixture
def guard(sink: Sink) -> Iterator[Guard]:
    guard, count = Guard(), sink.count
    yield guard
    assert sink.count == count, "the browser has connected to another server"
    assert not guard.faults, "\n".join(guard.faults)


@pytest.fixture
def open_page(browser: Browser, guard: Guard) -> Iterator[Callable[..., Page]]:
    """Opens an address in a new profile of the browser, with options of the profile."""
    contexts: list[BrowserContext] = []

    def open_page(url: str | None = None, **options: Any) -> Page:
        context = browser.new_context(
            **{
                "viewport": {"width": 1280, "height": 900},
                "permissions": ["clipboard-read", "clipboard-write"],
                **options,
            }
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        prepare(context)
        page = context.new_page()
        guard.watch(page)
        if url is not None:
            page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with a storage in memory, for all tests that neither stop it nor need others."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts further servers."""
    started: list[Server] = []

    def start(storage: str = "memory", **options: Any) -> Server:
        started.append(Server(storage, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """The URL of a Redis server, for several servers on one storage."""
    process = RedisProcess()
    yield process.url
    process.stop()
