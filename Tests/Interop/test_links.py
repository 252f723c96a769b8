# SPDX-License-Identifier: Apache-2.0
"""Loading from other servers, of which one is the reference implementation."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from calls import new_session_id, run_request
from server_process import ServerProcess

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


@pytest.fixture
def reference() -> Iterator[str]:
    """The URL of a reference server."""
    script = Path(__file__).with_name("reference_server.py")
    process = subprocess.Popen(
        [sys.executable, str(script), "0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found, "the reference server said no address"
    yield found.group(0)
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture
async def descriptor(reference: str, loader: httpx.AsyncClient) -> Any:
    """A session that has begun on the reference server."""
    session_id = new_session_id()
    run = (await loader.post(f"{reference}/runs", json=run_request("counter", session_id=session_id))).json()
    assert said(run) == "Count: 1"
    described = (await loader.get(f"{reference}/sessions/{session_id}")).json()
    assert described["state"] and described["history"]
    return described


def said(run: Any) -> str:
    assert run["status"] == "completed", run
    return run["output"][0]["parts"][0]["content"]


async def call(loader: httpx.AsyncClient, url: str, **request: Any) -> Any:
    response = await loader.post(f"{url}/runs", json=run_request("counter", **request))
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("option", ["--allow-private-links", "--link-host"])
async def test_a_state_goes_from_server_to_server_and_back(
    option: str,
    reference: str,
    descriptor: Any,
    loader: httpx.AsyncClient,
    own_server: Callable[..., ServerProcess],
) -> None:
    options = (option, httpx.URL(reference).netloc.decode()) if option == "--link-host" else (option,)
    server = own_server(*options)
    assert said(await call(loader, server.url, session=descriptor)) == "Count: 2"
    assert said(await call(loader, server.url, session=descriptor)) == "Count: 3"
    assert said(await call(loader, server.url, session_id=descriptor["id"])) == "Count: 4"
    described = (await loader.get(f"{server.url}/sessions/{descriptor['id']}")).json()
    assert described["history"][: len(descriptor["history"])] == descriptor["history"]
    assert described["state"].startswith(server.url)
    assert said(await call(loader, reference, session=described)) == "Count: 5"


async def test_nothing_on_this_machine_is_loaded_unless_it_is_allowed(
    descriptor: Any, loader: httpx.AsyncClient, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server("--link-host", "127.0.0.1:1")
    run = await call(loader, server.url, session=descriptor)
    assert run["status"] == "failed"
    assert run["error"]["data"] == {"link_error": "refused"}
    assert "--link-host" in run["error"]["message"]
    assert said(await call(loader, server.url)) == "Count: 1"
