# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 of a server with certificates, called by clients that share no code with it: httpx, the
library h2, and curl."""

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from http2_connection import Http2Connection
from server_process import ServerProcess, binary
from sse import parse
from test_tool_tls import make_certificates

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

# Requests have to share it.
ONE_CONNECTION = httpx.Limits(max_connections=1)


@pytest.fixture(autouse=True)
def needs_the_tool() -> None:
    assert binary().is_file(), f"{binary()} does not exist: build it with 'make build'"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return make_certificates(tmp_path)


def certificate(files: Path) -> tuple[str, ...]:
    return ("--storage", "memory", "--tls-certificate", f"{files}/server.pem", "--tls-key", f"{files}/server.key")


def trust(files: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=f"{files}/ca.pem")


def client(server: ServerProcess, files: Path, *, certificate: bool = False, http1: bool = True) -> httpx.Client:
    context = trust(files)
    if certificate:
        context.load_cert_chain(f"{files}/client.pem", f"{files}/client.key")
    return httpx.Client(
        base_url=server.url, verify=context, http1=http1, http2=True, limits=ONE_CONNECTION, timeout=60
    )


def run(text: str, mode: str = "sync") -> dict[str, object]:
    return {"agent_name": "echo", "mode": mode, "input": [{"parts": [{"content": text}]}]}


def needs_curl() -> str:
    """Returns the path of curl, if it has HTTP/2."""
    curl = shutil.which("curl")
    version = subprocess.run([curl, "--version"], check=True, capture_output=True, text=True).stdout if curl else ""
    if curl is None or "HTTP2" not in version:
        pytest.skip("curl with HTTP/2 is not installed")
    return curl


def test_runs_and_streams_share_one_connection(own_server: Callable[..., ServerProcess], files: Path) -> None:
    server = own_server(*certificate(files))
    with client(server, files) as http:

        async def call(http: httpx.AsyncClient, number: int) -> None:
            response = await http.post("/runs", json=run(f"number {number}.", "stream" if number % 2 else "sync"))
            assert response.status_code == 200 and response.http_version == "HTTP/2"
            assert "connection" not in response.headers and f"number {number}." in response.text
            if number % 2:
                assert parse(response.text)[-1].json["type"] == "run.completed"

        async def call_all() -> None:
            # In one thread: httpx does not send the streams of several threads in their order.
            async with httpx.AsyncClient(
                base_url=server.url, verify=trust(files), http2=True, limits=ONE_CONNECTION, timeout=60
            ) as client:
                await asyncio.gather(*(call(client, number) for number in range(60)))

        asyncio.run(call_all())
        large = "x" * 3_000_000
        assert large in http.post("/runs", json=run(large)).text
        rejected = http.post("/runs", json=run("x" * 5_000_000))
        assert rejected.status_code == 413 and http.head("/agents").status_code == 200
        assert http.get("/agents", headers={"Host": "evil.example"}).status_code == 421
    assert server.stop() == 0


def test_responses_that_are_left_unread_do_not_disturb_others(
    own_server: Callable[..., ServerProcess], files: Path
) -> None:
    server = own_server(*certificate(files))
    with client(server, files) as http:
        # httpx does not reset streams that it leaves, and their bytes remain in the window of its connection, which it
        # never extends: all together must be smaller than the 16 MiB that it allows at the beginning.
        created = http.post("/runs", json=run("x" * 50_000)).json()
        for _ in range(20):
            with http.stream("GET", f"/runs/{created['run_id']}/events") as response:
                next(response.iter_raw())
        assert http.get("/ping").http_version == "HTTP/2"


def test_unread_streams_wait_while_others_of_the_connection_continue(
    own_server: Callable[..., ServerProcess], files: Path
) -> None:
    server = own_server(*certificate(files))
    with client(server, files) as http:
        created = http.post("/runs", json=run("x" * 400_000)).json()
    window = 16_384
    with Http2Connection(server.url, files / "ca.pem", window=window) as connection:
        unread = [connection.request(f"/runs/{created['run_id']}/events") for _ in range(20)]
        responses = [connection.responses[stream] for stream in unread]
        connection.receive_until(lambda: all(len(response.body) == window for response in responses))
        assert connection.read(connection.request("/ping")).status == 200
        # One of them is read after all.
        events = connection.read(unread[0])
        assert events.is_complete and json.loads(events.body)["events"]
        for stream in unread[1:]:
            connection.reset(stream)
        assert connection.read(connection.request("/ping")).status == 200
        assert not connection.is_closed and all(response.reset is None for response in responses)
        assert all(len(response.body) == window for response in responses[1:])


def test_requests_that_are_not_valid_are_rejected(own_server: Callable[..., ServerProcess], files: Path) -> None:
    server = own_server(*certificate(files))
    host = (":authority", server.url.removeprefix("https://"))
    usual = [(":method", "GET"), (":scheme", "https"), (":path", "/agents"), host]
    for headers in (
        [(":method", "CONNECT"), host],
        [usual[0], usual[1], host],
        usual[:3],
        [*usual, host],
        [*usual, (":unknown", "x")],
        [*usual, ("X-Upper", "x")],
        [*usual, ("connection", "close")],
        [*usual, ("transfer-encoding", "chunked")],
        [*usual, ("host", "evil.example")],
        [(":method", "GET"), (":scheme", "https"), (":path", "agents"), host],
        [*usual, ("content-length", "5")],
    ):
        with Http2Connection(server.url, files / "ca.pem") as connection:
            response = connection.read(connection.send(headers))
            is_rejected = response.status is not None and 400 <= response.status < 500
            assert is_rejected or response.reset is not None or connection.is_closed, headers
    with client(server, files) as http:
        assert http.get("/agents").status_code == 200
    assert server.stop() == 0


def test_a_head_that_is_too_large_ends_the_connection(own_server: Callable[..., ServerProcess], files: Path) -> None:
    server = own_server(*certificate(files))
    with Http2Connection(server.url, files / "ca.pem") as connection:
        # The client has to know the limit of this server first: before, that of HTTP/2 itself applies.
        assert connection.read(connection.request("/ping")).status == 200
        assert connection.read(connection.request("/ping", ("x-large", "x" * 60_000))).status == 200
        response = connection.read(connection.request("/ping", ("x-large", "x" * 100_000)))
        assert connection.is_closed and response.status is None
    with client(server, files) as http:
        assert http.get("/ping").status_code == 200


def test_curl_uses_http2(own_server: Callable[..., ServerProcess], files: Path) -> None:
    curl = needs_curl()
    server = own_server(*certificate(files))

    def call(*words: str) -> str:
        options = ("--silent", "--show-error", "--max-time", "60", "--cacert", f"{files}/ca.pem")
        command = [curl, *options, "--write-out", " %{http_version} %{http_code}", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert call(f"{server.url}/ping").endswith(" 2 200")
    assert call("--http1.1", f"{server.url}/ping").endswith(" 1.1 200")
    # curl sends a body of this size only when the server has agreed to it, or after a second.
    for mode, text in (("sync", "x" * 2_000_000), ("stream", "hello")):
        (files / "body").write_text(json.dumps(run(text, mode)), encoding="utf-8")
        answer = call("--data-binary", f"@{files}/body", "-H", "Content-Type: application/json", f"{server.url}/runs")
        assert answer.endswith(" 2 200") and text in answer
    # Two requests on one connection.
    answer = call("--output", f"{files}/one", f"{server.url}/ping", "--output", f"{files}/two", f"{server.url}/agents")
    assert answer == " 2 200 2 200"


def test_http1_is_served_to_others_and_to_all_without_http2(
    own_server: Callable[..., ServerProcess], files: Path
) -> None:
    context = trust(files)
    server = own_server(*certificate(files))
    assert httpx.get(f"{server.url}/ping", verify=context).http_version == "HTTP/1.1"
    server = own_server(*certificate(files), "--no-http2")
    with client(server, files) as http:
        assert http.get("/ping").http_version == "HTTP/1.1"


def test_certificates_of_clients_are_principals(own_server: Callable[..., ServerProcess], files: Path) -> None:
    options = ("--tls-client-ca", f"{files}/ca.pem", "--tls-client-optional", "--authenticate-clients")
    server = own_server(*certificate(files), *options)
    with client(server, files, certificate=True) as http:
        response = http.post("/runs", json=run("hello"))
        assert response.status_code == 200 and response.http_version == "HTTP/2"
    with client(server, files) as http:
        assert http.get("/agents").status_code == 401


def test_a_shutdown_lets_streams_end(own_server: Callable[..., ServerProcess], files: Path) -> None:
    # Not with httpx, which ends all streams when a server asks it to open no more.
    curl = needs_curl()
    server = own_server(*certificate(files))
    # It takes two seconds.
    body = json.dumps({**run("10", "stream"), "agent_name": "ticker"})
    options = ("--silent", "--no-buffer", "--max-time", "60", "--cacert", f"{files}/ca.pem", "--write-out", "%{http_version}")
    command = [curl, *options, "--data", body, "-H", "Content-Type: application/json", f"{server.url}/runs"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        received = process.stdout.readline()
        server.terminate()
        received += process.stdout.read()
    assert process.returncode == 0 and received.endswith("2") and '"run.completed"' in received
    assert server.exit_code() == 0
