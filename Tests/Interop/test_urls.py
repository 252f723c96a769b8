# SPDX-License-Identifier: Apache-2.0
"""The URLs of messages and states in the descriptors of `acp serve`."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from calls import assert_error, new_session_id, run_request
from server_process import ServerProcess, binary

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "agents.example.com",
    "X-Forwarded-Prefix": "/acp",
}


async def first_url(server: ServerProcess, headers: dict[str, str] | None = None) -> str:
    """Returns the URL of the first message of a new session, without its path."""
    session_id = new_session_id()
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        await http.post("/runs", json=run_request("echo", session_id=session_id))
        url = (await http.get(f"/sessions/{session_id}", headers=headers)).json()["history"][0]
    base, separator, _ = url.partition(f"/sessions/{session_id}/history/0")
    assert separator
    return base


async def test_descriptors_contain_the_public_url(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--public-url", "https://agents.example.com/acp/")
    assert await first_url(server) == "https://agents.example.com/acp"


@pytest.mark.parametrize("proxy", ["127.0.0.1", "127.0.0.0/8", "everybody"])
async def test_a_trusted_proxy_determines_the_url(own_server: Callable[..., ServerProcess], proxy: str) -> None:
    server = own_server("--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", proxy)
    assert await first_url(server, FORWARDED) == "https://agents.example.com/acp"
    assert await first_url(server, {"Forwarded": "proto=https;host=agents.example.com"}) == "https://agents.example.com"
    assert await first_url(server) == server.url


async def test_other_addresses_do_not_determine_the_url(own_server: Callable[..., ServerProcess]) -> None:
    for options in ([], ["--trusted-proxy", "10.0.0.0/8"]):
        server = own_server(*options)
        assert await first_url(server, FORWARDED) == server.url


@pytest.mark.parametrize("source", ["file", "environment"])
async def test_urls_are_signed_with_several_secrets(
    own_server: Callable[..., ServerProcess], tmp_path: Path, source: str
) -> None:
    """After a change of the secret, the server still accepts the previous signatures."""
    secrets = ["the first secret, long enough", "the second secret, long enough"]

    def start(*known: str) -> ServerProcess:
        if source == "environment":
            return own_server(environment={"ACP_URL_SECRET": "\n".join(secret.replace(" ", "-") for secret in known)})
        path = tmp_path / f"{len(known)}.txt"
        path.write_text("\n".join(known) + "\n\n")
        return own_server("--sign-urls-with", str(path))

    old, new = start(secrets[0]), start(secrets[1], secrets[0])
    session_id = new_session_id()
    async with httpx.AsyncClient(timeout=60) as http:
        for server in (old, new):
            await http.post(f"{server.url}/runs", json=run_request("counter", session_id=session_id))
        described = (await http.get(f"{old.url}/sessions/{session_id}")).json()
        for url in (*described["history"], described["state"]):
            assert (await http.get(url)).status_code == 200
            assert (await http.get(url.replace(old.url, new.url))).status_code == 200
            assert_error(await http.get(url.partition("?")[0]), 403, "unauthorized")
        described = (await http.get(f"{new.url}/sessions/{session_id}")).json()
        answer = await http.get(described["state"].replace(new.url, old.url))
        assert_error(answer, 403, "unauthorized")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--public-url", "agents.example.com"], "is not a valid public URL"),
        (["--public-url", "https://user:secret@agents.example.com"], "is not a valid public URL"),
        (["--trusted-proxy", "10.0.0.0/33"], "is not an address range"),
        (["--sign-urls-with", "no-such-file"], "the file does not exist"),
        (["--sign-urls-with", os.devnull], "the file contains no secret"),
        (["--signed-url-lifetime", "0"], "--signed-url-lifetime"),
    ],
)
def test_invalid_options_are_reported_at_once(options: list[str], complaint: str) -> None:
    done = subprocess.run(
        [str(binary()), "serve", "--port", "0", "--storage", "memory", *options],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 64
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("no-such-file", "the file does not exist"),
        (os.devnull, "is not a session descriptor"),
        ("http://127.0.0.1:1/runs/x", "must end in /sessions/ID"),
    ],
)
def test_a_session_that_cannot_be_continued_is_reported_at_once(source: str, complaint: str) -> None:
    done = subprocess.run(
        [str(binary()), "run", "echo", "x", "--continue", source], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 64
    assert complaint in done.stderr
