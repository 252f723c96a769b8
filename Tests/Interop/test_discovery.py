# SPDX-License-Identifier: Apache-2.0
"""Ping, health checks and agents."""

import httpx
import pytest
from acp_sdk.client import Client
from acp_sdk.models import ACPError, ErrorCode
from calls import assert_error

AGENTS = ["artist", "counter", "echo", "failer", "greeter", "interviewer", "questioner", "recall", "slow", "ticker"]


async def test_ping_responds(acp: Client) -> None:
    await acp.ping()


async def test_all_agents_are_listed(acp: Client) -> None:
    manifests = [manifest async for manifest in acp.agents()]
    assert sorted(manifest.name for manifest in manifests) == AGENTS


@pytest.mark.parametrize("name", AGENTS)
async def test_a_manifest_is_complete_and_the_same_in_the_list(acp: Client, name: str) -> None:
    manifest = await acp.agent(name=name)
    assert manifest.name == name
    assert manifest.description
    assert manifest.metadata is not None
    assert manifest.input_content_types
    assert manifest.output_content_types
    assert manifest in [listed async for listed in acp.agents()]


async def test_an_unknown_agent_is_not_found(acp: Client) -> None:
    with pytest.raises(ACPError) as raised:
        await acp.agent(name="nobody")
    assert raised.value.error.code == ErrorCode.NOT_FOUND
    assert "nobody" in raised.value.error.message


async def test_an_unknown_path_is_not_found(http: httpx.AsyncClient) -> None:
    assert_error(await http.get("/no/such/path"), 404, "not_found")


@pytest.mark.additions
async def test_agents_are_listed_in_pages(http: httpx.AsyncClient) -> None:
    everything = (await http.get("/agents", params={"limit": 1000})).json()["agents"]
    pages = []
    for offset in range(0, len(everything) + 2, 2):
        response = await http.get("/agents", params={"limit": 2, "offset": offset})
        assert response.status_code == 200
        assert len(response.json()["agents"]) <= 2
        pages += response.json()["agents"]
    assert pages == everything


@pytest.mark.additions
async def test_health_and_readiness(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).status_code == 200
    assert (await http.get("/readyz")).status_code == 200
