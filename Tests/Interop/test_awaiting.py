# SPDX-License-Identifier: Apache-2.0
"""Agents that ask questions: await, resume in the three modes, and resumes at the wrong time."""

import anyio
import httpx
import pytest
from acp_sdk.client import Client
from acp_sdk.models import ACPError, Message, MessageAwaitResume, Run, RunAwaitingEvent, RunStatus
from calls import answer, collected, resume_request, run_request, stored, texts, types
from waiting import run_reaches

ASKED = ["run.created", "run.in-progress", "run.awaiting"]
ANSWERED = ["run.in-progress", "message.created", "message.part", "message.completed", "run.completed"]


async def asked(acp: Client) -> Run:
    run = await acp.run_sync("hi", agent="questioner")
    assert run.status == RunStatus.AWAITING
    return run


async def test_sync_returns_when_the_run_awaits(acp: Client) -> None:
    run = await asked(acp)
    assert run.await_request is not None
    assert run.await_request.type == "message"
    assert str(run.await_request.message) == "What is your name?"
    assert run.finished_at is None
    assert run.output == []
    assert await acp.run_status(run_id=run.run_id) == run
    await acp.run_resume_sync(answer("Ada"), run_id=run.run_id)


async def test_a_stream_ends_when_the_run_awaits(acp: Client) -> None:
    events = await collected(acp.run_stream("hi", agent="questioner"))
    assert types(events) == ASKED
    assert isinstance(events[-1], RunAwaitingEvent)
    assert str(events[-1].run.await_request.message) == "What is your name?"
    await acp.run_resume_sync(answer("Ada"), run_id=events[-1].run.run_id)


async def test_resume_sync(acp: Client) -> None:
    run = await asked(acp)
    resumed = await acp.run_resume_sync(answer("Ada"), run_id=run.run_id)
    assert resumed.run_id == run.run_id
    assert resumed.status == RunStatus.COMPLETED
    assert texts(resumed) == ["Hello, Ada!"]
    assert types(await stored(acp, run.run_id)) == ASKED + ANSWERED


async def test_resume_async(acp: Client) -> None:
    started = await acp.run_async("hi", agent="questioner")
    run = await run_reaches(acp, started.run_id, RunStatus.AWAITING)
    resumed = await acp.run_resume_async(answer("Bob"), run_id=run.run_id)
    assert resumed.run_id == run.run_id
    assert resumed.status == RunStatus.IN_PROGRESS
    finished = await run_reaches(acp, run.run_id, RunStatus.COMPLETED)
    assert texts(finished) == ["Hello, Bob!"]
    assert types(await stored(acp, run.run_id)) == ASKED + ANSWERED


async def test_resume_stream_continues_where_the_first_one_ended(acp: Client) -> None:
    first = await collected(acp.run_stream("hi", agent="questioner"))
    run_id = first[-1].run.run_id
    second = await collected(acp.run_resume_stream(answer("Eve"), run_id=run_id))
    assert types(second) == ANSWERED
    assert texts(second[-1].run) == ["Hello, Eve!"]
    assert await stored(acp, run_id) == first + second


async def test_an_answer_without_parts_is_accepted(acp: Client) -> None:
    run = await asked(acp)
    resumed = await acp.run_resume_sync(MessageAwaitResume(message=Message(parts=[])), run_id=run.run_id)
    assert resumed.status == RunStatus.COMPLETED


@pytest.mark.parametrize("mode", ["sync", "async", "stream"])
async def test_a_run_that_does_not_await_an_answer_cannot_be_resumed(acp: Client, mode: str) -> None:
    run = await acp.run_sync("x", agent="echo")
    with pytest.raises(ACPError) as raised:
        match mode:
            case "sync":
                await acp.run_resume_sync(answer("x"), run_id=run.run_id)
            case "async":
                await acp.run_resume_async(answer("x"), run_id=run.run_id)
            case _:
                await collected(acp.run_resume_stream(answer("x"), run_id=run.run_id))
    assert str(run.run_id) in raised.value.error.message
    assert await acp.run_status(run_id=run.run_id) == run


@pytest.mark.parametrize(("mode", "status"), [("sync", 200), ("stream", 200), ("async", 202)])
async def test_statuses_of_a_resume(http: httpx.AsyncClient, acp: Client, mode: str, status: int) -> None:
    run_id = (await http.post("/runs", json=run_request("questioner"))).json()["run_id"]
    response = await http.post(f"/runs/{run_id}", json=resume_request("Ada", mode))
    assert response.status_code == status
    await run_reaches(acp, run_id, RunStatus.COMPLETED)


@pytest.mark.additions
async def test_an_answered_run_does_not_await_any_more(acp: Client) -> None:
    run = await asked(acp)
    resumed = await acp.run_resume_sync(answer("Ada"), run_id=run.run_id)
    assert resumed.await_request is None
    with pytest.raises(ACPError):
        await acp.run_resume_sync(answer("Bob"), run_id=run.run_id)
    assert texts(await acp.run_status(run_id=run.run_id)) == ["Hello, Ada!"]


@pytest.mark.additions
async def test_one_of_two_answers_is_accepted(acp: Client) -> None:
    run = await asked(acp)
    refused: list[ACPError] = []

    async def resume(name: str) -> None:
        try:
            await acp.run_resume_async(answer(name), run_id=run.run_id)
        except ACPError as error:
            refused.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(resume, "Ada")
        group.start_soon(resume, "Bob")
    finished = await run_reaches(acp, run.run_id, RunStatus.COMPLETED)
    assert len(refused) == 1
    assert texts(finished) in (["Hello, Ada!"], ["Hello, Bob!"])
    assert types(await stored(acp, run.run_id)) == ASKED + ANSWERED


@pytest.mark.additions
async def test_the_body_can_contain_the_run_id(http: httpx.AsyncClient) -> None:
    run_id = (await http.post("/runs", json=run_request("questioner"))).json()["run_id"]
    response = await http.post(f"/runs/{run_id}", json=resume_request("Ada", run_id=run_id))
    assert response.status_code == 200
    assert response.json()["status"] == "completed"
