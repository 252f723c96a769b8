# SPDX-License-Identifier: Apache-2.0
"""Chromium with a page of another origin: what the page can do with a server, by the origins that the server lists."""

import html
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from server_process import ServerProcess

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

WAIT = 120
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Each attempt ends as {"status", "text"} if the page can read the response, as {"opaque": true} if the browser sends the
# request and hides the response, and as {"error"} if the browser or the server refuses it.
SCRIPT = """
<!doctype html><title>page</title><pre id="outcome"></pre><script>
const server = SERVER
const run = (text, mode) => JSON.stringify(
  {agent_name: "echo", mode: mode, input: [{parts: [{content: text}]}]})
const attempts = {
  async json() { return fetch(server + "/runs",
    {method: "POST", headers: {"Content-Type": "application/json"}, body: run("json", "sync")}) },
  async text() { return fetch(server + "/runs",
    {method: "POST", headers: {"Content-Type": "text/plain"}, body: run("text", "sync")}) },
  async opaque() { return fetch(server + "/runs",
    {method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"}, body: run("opaque", "sync")}) },
  async beacon() { return {type: "beacon", sent: navigator.sendBeacon(server + "/runs", run("beacon", "sync"))} },
  async stream() { return fetch(server + "/runs", {method: "POST",
    headers: {"Content-Type": "application/json", "Accept": "text/event-stream", "Idempotency-Key": "page"},
    body: run("stream", "stream")}) },
  async list() { return fetch(server + "/runs?agent_name=echo") },
  async read() { return fetch(server + "/runs/" + RUN) },
  async events() { return fetch(server + "/runs/" + RUN + "/events",
    {headers: {"Accept": "text/event-stream", "Last-Event-ID": "0"}}) },
  async cancel() { return fetch(server + "/runs/" + RUN + "/cancel", {method: "POST"}) },
  async remove() { return fetch(server + "/runs/" + RUN, {method: "DELETE"}) },
  async task() { return fetch(server + "/a2a/echo", {method: "POST",
    headers: {"Content-Type": "application/json", "A2A-Version": "1.0"},
    body: JSON.stringify({jsonrpc: "2.0", id: 1, method: "SendMessage",
      params: {message: {messageId: "m", role: "ROLE_USER", parts: [{text: "task"}]}}})}) },
  async missing() { return fetch(server + "/runs/none") },
}
async function attempt(name) {
  try {
    const response = await attempts[name]()
    if (response.type === "beacon" || response.type === "opaque") return {opaque: true}
    return {status: response.status, run: response.headers.get("Run-ID"), text: await response.text()}
  } catch (error) { return {error: String(error)} }
}
(async () => {
  const outcome = {}
  for (const name in attempts) outcome[name] = await attempt(name)
  document.getElementById("outcome").textContent = JSON.stringify(outcome)
})()
</script>
"""


class Page:
    """Serves one page at an origin of its own."""

    def __init__(self) -> None:
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = page.content.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.content = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self, server: str, run: str, folder: Path) -> dict[str, Any]:
        """Opens the page in Chromium, and returns the outcome of each attempt."""
        self.content = SCRIPT.replace("SERVER", json.dumps(server)).replace("RUN", json.dumps(run))
        document = dump(self.origin, folder)
        found = re.search(r'<pre id="outcome">(.+?)</pre>', document, re.DOTALL)
        assert found, f"the page has not written its outcome:\n{document}"
        return dict(json.loads(html.unescape(found.group(1))))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def dump(url: str, folder: Path) -> str:
    """Opens a URL in Chromium, and returns the document when its scripts have ended."""
    assert CHROMIUM is not None
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", *sandbox),
            *("--disable-extensions", "--disable-background-networking", f"--user-data-dir={folder}"),
            # A name that leads to this machine, as after a forged DNS response.
            *("--host-resolver-rules=MAP rebound.example 127.0.0.1", "--virtual-time-budget=60000"),
            *("--dump-dom", url),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    assert done.returncode == 0 and done.stdout, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def page() -> Iterator[Page]:
    assert CHROMIUM is not None, "Chromium is not installed: scripts/setup installs it"
    page = Page()
    yield page
    page.close()


def start_run(server: ServerProcess) -> str:
    """Runs the agent once, as a program."""
    response = httpx.post(
        f"{server.url}/runs", json={"agent_name": "echo", "input": [{"parts": [{"content": "secret"}]}]}
    )
    return str(response.json()["run_id"])


def run_ids(server: ServerProcess) -> set[str]:
    runs = httpx.get(f"{server.url}/runs", params={"agent_name": "echo", "limit": 100}).json()["runs"]
    return {run["run_id"] for run in runs}


def test_a_page_of_another_origin_can_neither_start_a_run_nor_read_one(
    own_server: Callable[..., ServerProcess], page: Page, tmp_path: Path
) -> None:
    server = own_server()
    run = start_run(server)
    outcome = page.open(server.url, run, tmp_path)
    assert all("error" in result for name, result in outcome.items() if name != "beacon"), outcome
    assert "secret" not in json.dumps(outcome)
    # The browser sends some of them, and does not show the response to the page. The server has refused them.
    assert outcome["beacon"] == {"opaque": True}
    assert run_ids(server) == {run}, "only the program's run exists, and it was not deleted"


def test_a_page_of_a_listed_origin_can_use_the_server(
    own_server: Callable[..., ServerProcess], page: Page, tmp_path: Path
) -> None:
    server = own_server("--allow-origin", page.origin)
    run = start_run(server)
    outcome = page.open(server.url, run, tmp_path)
    for name in ("json", "stream", "task"):
        assert outcome[name]["status"] == 200, outcome
        assert name in outcome[name]["text"]
    assert outcome["json"]["run"], "the page can read the header Run-ID"
    assert "run.completed" in outcome["stream"]["text"]
    for name in ("list", "read", "events"):
        assert outcome[name]["status"] == 200, outcome
        assert "secret" in outcome[name]["text"]
    assert outcome["cancel"]["status"] == 403, "the run has ended"
    assert outcome["remove"]["status"] == 204
    assert outcome["missing"]["status"] == 404
    assert outcome["text"]["status"] == 415, "what a page of any origin can send without asking is no run"
    assert run not in run_ids(server)


def test_a_page_whose_name_leads_to_this_machine_reads_nothing(
    own_server: Callable[..., ServerProcess], page: Page, tmp_path: Path
) -> None:
    server = own_server()
    start_run(server)
    path = "/runs?agent_name=echo"
    assert "secret" in dump(server.url + path, tmp_path)
    # To the browser, this is the same origin as that of a page which the name has led to before.
    document = dump(server.url.replace("127.0.0.1", "rebound.example") + path, tmp_path)
    assert "secret" not in document
    assert "--allow-host" in document
