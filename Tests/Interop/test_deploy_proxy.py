# SPDX-License-Identifier: Apache-2.0
"""The proxy of the compose file before two servers on one Redis."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import deployment
import httpx
import pytest
from calls import run_request, stream_events, types
from free_port import free_port
from processes import DEADLINE, Fleet, Member, until

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


@asynccontextmanager
async def proxy(members: list[Member], folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """nginx with the file of the compose file, and the addresses of these servers."""
    port = free_port()
    text = (deployment.COMPOSE.parent / "nginx.conf").read_text(encoding="utf-8")
    replaced = {
        f"server-{index + 1}:8000": httpx.URL(one.server.url).netloc.decode() for index, one in enumerate(members)
    }
    replaced |= {"listen 8080;": f"listen 127.0.0.1:{port};", "/tmp/nginx.pid": f"{folder}/nginx.pid"}
    for old, new in replaced.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    file = folder / "nginx.conf"
    file.write_text(text.replace("http {\n", f"http {{\n{paths}", 1), encoding="utf-8")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    log = (folder / "log").open("wb")
    process = subprocess.Popen([program, "-c", str(file), "-g", "daemon off;"], stdin=subprocess.DEVNULL, stderr=log)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as client:

            async def responds() -> bool:
                assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
                try:
                    return (await client.get("/ping")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(responds, "the proxy responding")
            yield client
    finally:
        process.terminate()
        process.wait()
        log.close()


async def test_streams_pass_the_proxy_while_they_happen_and_urls_are_the_proxys(tmp_path: Path) -> None:
    async with Fleet("--trusted-proxy", "127.0.0.1") as fleet:
        members = [await fleet.start() for _ in range(2)]
        async with proxy(members, tmp_path) as client:
            body = run_request(
                "slow", "one two three", mode="stream", session_id="11111111-1111-4111-8111-111111111111"
            )
            async with client.stream("POST", "/runs", json=body) as response:
                seen = []
                async for event in stream_events(response):
                    seen.append(event.json)
                    if event.json["type"] == "message.part" and types(seen).count("message.part") == 1:
                        run_id = seen[0]["run"]["run_id"]
                        run = (await members[0].http.get(f"/runs/{run_id}")).json()
                        assert run["status"] == "in-progress", "the first part arrives before the last is sent"
            assert types(seen)[-1] == "run.completed"
            session = (await client.get("/sessions/11111111-1111-4111-8111-111111111111")).json()
            assert session["history"] and all(url.startswith(str(client.base_url)) for url in session["history"])


async def test_requests_through_the_proxy_succeed_while_servers_are_replaced(tmp_path: Path) -> None:
    async with Fleet("--grace", "10") as fleet:
        members = [await fleet.start() for _ in range(2)]
        async with proxy(members, tmp_path) as client:
            results: list[httpx.Response] = []
            stop = anyio.Event()

            async def load(name: int) -> None:
                number = 0
                while not stop.is_set():
                    number += 1
                    body, headers = (
                        run_request("greeter", f"{name}", mode="sync"),
                        {"Idempotency-Key": f"{name}.{number}"},
                    )
                    # A server that ends refuses runs (503), or closes a connection on which a request arrives (502).
                    # Clients repeat both, with the same key.
                    while (response := await client.post("/runs", json=body, headers=headers)).status_code in (
                        502,
                        503,
                    ):
                        await anyio.sleep(0.02)
                    results.append(response)

            async with anyio.create_task_group() as group:
                for name in range(4):
                    group.start_soon(load, name)

                async def many(count: int) -> None:
                    async def probe() -> bool:
                        return len(results) >= count

                    await until(probe, f"{count} responses")

                await many(20)
                code = await anyio.to_thread.run_sync(members[0].server.stop)
                assert code == 0, members[0].server.log()
                await many(len(results) + 20)
                stop.set()
            assert {(one.status_code, one.json().get("status")) for one in results} == {(200, "completed")}
            total = (await client.get("/runs?limit=1")).json()["total"]
            assert total == len(results) == len({one.json()["run_id"] for one in results})
