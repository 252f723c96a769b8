# SPDX-License-Identifier: Apache-2.0
"""Servers with particular options: a token, a limit of runs, and their shutdown by SIGTERM."""

import subprocess
from collections.abc import Callable

import anyio
import httpx
import pytest
import sse
from calls import LONG, assert_error, resume_request, run_request, types
from recording import Record, RecordingTransport
from server_process import ServerProcess, binary

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

TOKEN = "a-token-of-this-test"


def client(server: ServerProcess, record: Record, **options: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, transport=RecordingTransport(record), timeout=60, **options)


async def test_runs_finish_before_a_server_ends(own_server: Callable[..., ServerProcess], record: Record) -> None:
    server = own_server()
    answers: list[httpx.Response] = []
    async with client(server, record) as http:

        async def run() -> None:
            answers.append(await http.post("/runs", json=run_request("slow", "one two three four five")))

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            with anyio.fail_after(60):
                while not (await http.get("/runs", params={"status": "in-progress"})).json()["runs"]:
                    await anyio.sleep(0.02)
            server.terminate()
    assert answers[0].json()["status"] == "completed"
    assert len(answers[0].json()["output"][0]["parts"]) == 5, "the run was not cut short"
    assert await anyio.to_thread.run_sync(server.exit_code) == 0


async def test_runs_that_do_not_finish_in_time_fail_with_a_reason(
    own_server: Callable[..., ServerProcess], record: Record
) -> None:
    server = own_server("--grace", "1")
    seen: list[sse.ServerEvent] = []
    async with client(server, record) as http:
        async with http.stream("POST", "/runs", json=run_request("slow", LONG, mode="stream")) as response:
            text = ""
            async for chunk in response.aiter_text():
                if not text:
                    server.terminate()
                text += chunk
            seen = sse.parse(text)
    assert types([event.json for event in seen])[-1] == "run.failed"
    error = seen[-1].json["run"]["error"]
    assert error["code"]
    assert "shut" in error["message"] or "stop" in error["message"]
    assert await anyio.to_thread.run_sync(server.exit_code) == 0


async def test_too_many_running_runs(own_server: Callable[..., ServerProcess], record: Record) -> None:
    server = own_server("--max-runs", "1", "--max-waiting", "0")
    async with client(server, record) as http:
        first = (await http.post("/runs", json=run_request("slow", LONG, mode="async"))).json()
        response = await http.post("/runs", json=run_request("echo"))
        assert_error(response, 503, "unavailable")
        assert int(response.headers["Retry-After"]) >= 0
        assert (await http.get("/ping")).status_code == 200
        assert (await http.get(f"/runs/{first['run_id']}")).status_code == 200
        await http.post(f"/runs/{first['run_id']}/cancel")
        with anyio.fail_after(60):
            while (await http.post("/runs", json=run_request("echo"))).status_code == 503:
                await anyio.sleep(0.02)


async def test_a_token_is_required(own_server: Callable[..., ServerProcess], record: Record) -> None:
    server = own_server("--token", TOKEN)
    async with client(server, record) as http:
        for method, path in [
            ("GET", "/agents"),
            ("GET", "/agents/echo"),
            ("GET", "/runs"),
            ("POST", "/runs"),
            ("GET", "/runs/x"),
            ("POST", "/runs/x"),
            ("DELETE", "/runs/x"),
            ("POST", "/runs/x/cancel"),
            ("GET", "/runs/x/events"),
            ("GET", "/session/x"),
            ("GET", "/sessions/x"),
            ("DELETE", "/sessions/x"),
            ("GET", "/sessions/x/history/0"),
            ("GET", "/sessions/x/state"),
        ]:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
                response = await http.request(method, path, headers=headers)
                error = assert_error(response, 401, "unauthorized")
                assert response.headers["WWW-Authenticate"].startswith("Bearer")
                assert TOKEN not in error["message"]
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).status_code == 200
    async with client(server, record, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        response = await http.post("/runs", json=run_request("questioner"))
        assert response.status_code == 200
        response = await http.post(f"/runs/{response.json()['run_id']}", json=resume_request("Ada"))
        assert response.json()["status"] == "completed"
    server.stop()
    assert TOKEN not in server.log()


def test_the_tool_has_a_version_and_help() -> None:
    shown = subprocess.run([str(binary()), "--help"], capture_output=True, text=True, timeout=60, check=True)
    for command in ("serve", "agents", "run", "runs", "status", "events", "cancel", "resume", "session"):
        assert command in shown.stdout
