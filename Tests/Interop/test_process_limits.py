# SPDX-License-Identifier: Apache-2.0
"""The process of `acp serve` after several signals, and without file descriptors."""

import contextlib
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from calls import run_request
from server_process import ServerProcess

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


def start_run(server: ServerProcess) -> str:
    """Starts a run that takes longer than any test."""
    request = run_request("ticker", "100000", mode="async")
    run_id = httpx.post(f"{server.url}/runs", json=request, timeout=60).raise_for_status().json()["run_id"]
    running = f"{server.url}/runs?status=in-progress"
    wait_until("the run", lambda: bool(httpx.get(running, timeout=60).json()["runs"]))
    return run_id


def shut_down(server: ServerProcess, number: signal.Signals) -> None:
    """Sends the first signal, and waits until the server shuts down."""
    server.send(number)
    wait_until("the shutdown", lambda: httpx.get(f"{server.url}/readyz", timeout=60).status_code == 503)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_the_server_at_once(
    own_server: Callable[..., ServerProcess], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    storage = f"sqlite:{tmp_path / 'runs.sqlite'}"
    server = own_server("--storage", storage, "--grace", "3600")
    run_id = start_run(server)
    shut_down(server, signal.SIGTERM)
    server.send(number)
    assert server.exit_code() == code

    server = own_server("--storage", storage)
    run = httpx.get(f"{server.url}/runs/{run_id}", timeout=60).raise_for_status().json()
    assert run["status"] == "failed"
    assert "shut down" in run["error"]["message"], "the end was written by the server that was told to hurry"


def test_more_signals_end_the_server_too(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--grace", "3600")
    start_run(server)
    shut_down(server, signal.SIGINT)
    for _ in range(5):
        try:
            server.send(signal.SIGINT)
        except ProcessLookupError:
            break
    assert server.exit_code() in (130, -signal.SIGINT)


def test_the_timers_are_open_before_clients_can_use_up_the_file_descriptors(
    own_server: Callable[..., ServerProcess],
) -> None:
    clocks = set()
    for descriptor in Path(f"/proc/{own_server().pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            clocks.update(re.findall(r"^clockid: (\d+)$", descriptor.read_text(), re.MULTILINE))
    assert {str(time.CLOCK_MONOTONIC), str(time.CLOCK_BOOTTIME)} <= clocks


def test_without_file_descriptors_the_server_waits(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server(open_files=64)
    address = urlsplit(server.url)
    connections = [socket.create_connection((address.hostname, address.port), 60) for _ in range(90)]
    warning = "no connections can be accepted"
    try:
        wait_until("the warning", lambda: warning in server.log())
        begin, used = time.monotonic(), server.processor_time()
        time.sleep(1)
        share = (server.processor_time() - used) / (time.monotonic() - begin)
        assert share < 0.5, f"the server spins: it uses {share:.0%} of a processor"
        assert server.log().count(warning) == 1, server.log()
    finally:
        for connection in connections:
            connection.close()
    assert httpx.get(f"{server.url}/ping", timeout=60).status_code == 200
    assert httpx.post(f"{server.url}/runs", json=run_request("echo"), timeout=60).json()["status"] == "completed"
