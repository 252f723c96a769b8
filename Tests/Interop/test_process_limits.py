# SPDX-License-Identifier: Apache-2.0
"""The process of `acp serve` after several signals, and without file descriptors."""

import contextlib
import re
import resource
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


def test_two_thousand_slow_connections_do_not_stop_others(
    own_server: Callable[..., ServerProcess], report: Callable[[str], None]
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4_096
    if limits[1] != resource.RLIM_INFINITY and limits[1] < wanted:
        pytest.skip(f"at most {limits[1]} files can be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], wanted), limits[1]))
    server = own_server("--max-connections", "3000", open_files=wanted)
    address = urlsplit(server.url)

    def latency() -> float:
        begin = time.monotonic()
        for _ in range(100):
            response = client.post("/runs", json=run_request("echo"))
            assert response.json()["status"] == "completed"
        return (time.monotonic() - begin) / 100

    connections: list[socket.socket] = []
    try:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            alone = latency()
            for _ in range(2_000):
                connection = socket.create_connection((address.hostname, address.port), 60)
                # The head of a request that does not end.
                connection.sendall(b"POST /runs HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
                connections.append(connection)
            crowded = latency()
            # Each sends so little that its head is not complete in time.
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.sendall(b"x")
            crowded = max(crowded, latency())
            report(f"a sync run takes {alone * 1e3:.1f} ms alone, {crowded * 1e3:.1f} ms beside 2,000 slow connections")
            answer = connections[0].recv(65_536)
            assert answer.startswith(b"HTTP/1.1 408 "), answer[:100]
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
