# SPDX-License-Identifier: Apache-2.0
"""The server of the tests, which can be killed and started again on the same port."""

import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE = 60.0


def free_port() -> int:
    """Returns a port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """A process of PlaygroundTestServer."""

    def __init__(self, storage: str = "memory", *, port: int = 0, token: str | None = None) -> None:
        program = Path(os.environ.get("ACP_PLAYGROUND_SERVER", ROOT / ".build" / "debug" / "PlaygroundTestServer"))
        if not program.is_file():
            raise RuntimeError(f"{program} does not exist: build it with 'swift build --product PlaygroundTestServer'")
        command = [str(program), str(port), storage, *([token] if token else [])]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: list[str] = []
        self._address: str | None = None
        self._known = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.token = token
        if not self._known.wait(START_DEADLINE) or self._address is None:
            self.kill()
            raise RuntimeError(f"the server does not run; its output:\n{self.log()}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
            if found := re.search(r"Serving (?:ACP )?on (http://127\.0\.0\.1:\d+)", line):
                self._address = found[1]
                self._known.set()
        self._known.set()

    def log(self) -> str:
        return "".join(self._lines)[-4000:]

    @property
    def url(self) -> str:
        assert self._address is not None
        return self._address

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def page(self, path: str = "/agents") -> str:
        """Returns the address of a view of the page."""
        return f"{self.url}/playground/#{path}"

    def kill(self) -> None:
        """Ends the process as the kernel does when it is out of memory."""
        self._process.kill()
        self._process.wait()
        self._reader.join(10)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise
        self._reader.join(10)

    # Requests beside the page

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        response = httpx.request(method, self.url + path, headers=headers, timeout=120, **options)
        response.raise_for_status()
        return response

    def run(
        self, agent: str, text: str = "", *, mode: str = "sync", session: str | None = None, **part: Any
    ) -> dict[str, Any]:
        """Starts a run with one part."""
        body: dict[str, Any] = {
            "agent_name": agent,
            "mode": mode,
            "input": [{"role": "user", "parts": [{"content": text, **part}]}],
        }
        if session:
            body["session_id"] = session
        return dict(self.request("POST", "/runs", json=body).json())

    def send(self, agent: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
        """Starts a run with several parts."""
        body = {"agent_name": agent, "input": [{"role": "user", "parts": parts}]}
        return dict(self.request("POST", "/runs", json=body).json())

    def runs(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.request("GET", "/runs", params={"limit": 1000, **query}).json()["runs"])

    def wait_for_status(self, run: str, status: str, seconds: float = 60) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            document = self.request("GET", f"/runs/{run}").json()
            if document["status"] == status:
                return dict(document)
            assert time.monotonic() < deadline, f"run {run} is {document['status']}, not {status}"
            time.sleep(0.05)
