# SPDX-License-Identifier: Apache-2.0
"""Cancellation in every state of a run."""

from contextlib import aclosing

import httpx
import pytest
from acp_sdk.client import Client
from acp_sdk.models import ACPError, Event, MessagePartEvent, RunCancelledEvent, RunStatus
from calls import LONG, assert_error, slow_run, stored, types
from waiting import run_reaches


async def test_cancel_during_a_stream_ends_it(acp: Client) -> None:
    seen: list[Event] = []
    async with aclosing(acp.run_stream(LONG, agent="slow")) as events:
        async for event in events:
            seen.append(event)
            if isinstance(event, MessagePartEvent) and types(seen).count("message.part") == 1:
                answer = await acp.run_cancel(run_id=seen[0].run.run_id)
                assert answer.status == RunStatus.CANCELLING
    assert isinstance(seen[-1], RunCancelledEvent)
    run = seen[-1].run
    assert run.status == RunStatus.CANCELLED
    assert run.finished_at is not None
    assert await acp.run_status(run_id=run.run_id) == run
    assert await stored(acp, run.run_id) == seen


async def test_cancel_of_an_async_run(acp: Client, http: httpx.AsyncClient) -> None:
    async with slow_run(http) as started:
        run_id = started["run_id"]
        await run_reaches(acp, run_id, RunStatus.IN_PROGRESS)
        response = await http.post(f"/runs/{run_id}/cancel")
        assert response.status_code == 202
        assert response.json()["status"] == "cancelling"
        cancelled = await run_reaches(acp, run_id, RunStatus.CANCELLED)
        assert cancelled.finished_at is not None
        assert types(await stored(acp, run_id))[-1] == "run.cancelled"


async def test_cancel_immediately_after_the_start(acp: Client, http: httpx.AsyncClient) -> None:
    async with slow_run(http) as started:
        await acp.run_cancel(run_id=started["run_id"])
        await run_reaches(acp, started["run_id"], RunStatus.CANCELLED)
        kinds = types(await stored(acp, started["run_id"]))
        assert kinds[-1] == "run.cancelled"
        assert kinds.count("run.cancelled") == 1


async def test_cancel_of_an_awaiting_run(acp: Client) -> None:
    run = await acp.run_sync("hi", agent="questioner")
    assert run.status == RunStatus.AWAITING
    assert (await acp.run_cancel(run_id=run.run_id)).status == RunStatus.CANCELLING
    await run_reaches(acp, run.run_id, RunStatus.CANCELLED)
    assert types(await stored(acp, run.run_id)) == [
        "run.created",
        "run.in-progress",
        "run.awaiting",
        "run.cancelled",
    ]


@pytest.mark.parametrize("agent", ["echo", "failer"])
async def test_a_finished_run_cannot_be_cancelled(acp: Client, agent: str) -> None:
    run = await acp.run_sync("x", agent=agent)
    with pytest.raises(ACPError):
        await acp.run_cancel(run_id=run.run_id)
    assert await acp.run_status(run_id=run.run_id) == run


async def test_a_cancelled_run_cannot_be_cancelled_again(acp: Client, http: httpx.AsyncClient) -> None:
    async with slow_run(http) as started:
        await acp.run_cancel(run_id=started["run_id"])
        await run_reaches(acp, started["run_id"], RunStatus.CANCELLED)
        assert_error(await http.post(f"/runs/{started['run_id']}/cancel"), 403)
