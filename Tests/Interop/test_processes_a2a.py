# SPDX-License-Identifier: Apache-2.0
"""A2A over several processes on one storage."""

import json
from typing import Any

import anyio
import pytest
import sse
from a2a_calls import Webhook
from calls import resume_request
from processes import DEADLINE, Fleet, Member, checked, reaches, until

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

VERSION = {"A2A-Version": "1.0"}


def sent(text: str, **configuration: Any) -> Any:
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}]}
    return {"message": message, "configuration": configuration}


async def start(member: Member, agent: str, text: str, **configuration: Any) -> str:
    response = await member.http.post(
        f"/a2a/{agent}/message:send", json=sent(text, returnImmediately=True, **configuration), headers=VERSION
    )
    assert response.status_code == 200, response.text
    return response.json()["task"]["id"]


async def subscribe(members: list[Member], agent: str, task: str) -> list[sse.ServerEvent]:
    """Returns all elements of a task's stream after its first event. If a server does not respond, the next one is used."""
    seen: list[sse.ServerEvent] = []
    last = "0"
    turn = 0
    with anyio.fail_after(DEADLINE):
        while True:
            member = members[turn % len(members)]
            turn += 1
            try:
                headers = VERSION | {"Last-Event-ID": last}
                path = f"/a2a/{agent}/tasks/{task}:subscribe"
                async with member.http.stream("GET", path, headers=headers, timeout=DEADLINE) as response:
                    assert response.status_code == 200, await response.aread()
                    pending = ""
                    async for chunk in response.aiter_text():
                        whole, separator, pending = (pending + chunk).rpartition("\n\n")
                        for event in sse.parse(whole + separator):
                            seen.append(event)
                            last = event.id or last
                            state = event.json.get("statusUpdate", {}).get("status", {}).get("state", "")
                            if state in ("TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED"):
                                return seen
            except Exception as error:
                if type(error).__module__.split(".")[0] not in ("httpx", "httpcore"):
                    raise
                await anyio.sleep(0.05)


def webhook_events(webhook: Webhook, task: str) -> list[Any]:
    """Returns what a webhook has received about a task, repetitions left out."""
    bodies: list[Any] = []
    for _, body in webhook.received:
        if task in json.dumps(body) and body not in bodies:
            bodies.append(body)
    return bodies


async def test_a_task_is_followed_and_answered_at_other_processes() -> None:
    async with Fleet() as fleet:
        one, two, three = [await fleet.start() for _ in range(3)]
        task = await start(one, "questioner", "hi")
        await reaches(two, task, "awaiting")
        followed: list[sse.ServerEvent] = []

        async def follow() -> None:
            followed.extend(await subscribe([two], "questioner", task))

        async with anyio.create_task_group() as group:
            group.start_soon(follow)
            response = await three.http.post(f"/runs/{task}", json=resume_request("Ada", "sync"))
            assert response.status_code == 200, response.text
        again = await subscribe([three], "questioner", task)
        assert [(event.id, event.json) for event in followed] == [(event.id, event.json) for event in again]
        cancelled = await start(one, "slow", " ".join(["word"] * 100))
        response = await two.http.post(f"/runs/{cancelled}/cancel")
        assert response.status_code == 202, response.text
        await reaches(three, cancelled, "cancelled")
        assert (await subscribe([three], "slow", cancelled))[-1].json["statusUpdate"]["status"]["state"].endswith("CANCELED")


async def test_a_killed_owner_loses_no_event_of_a_stream_or_a_webhook() -> None:
    with Webhook() as webhook:
        async with Fleet("--link-host", "127.0.0.1", lease=1) as fleet:
            owner, other, third = [await fleet.start() for _ in range(3)]
            words = " ".join(f"word{index}" for index in range(30))
            config = {"url": webhook.url, "token": "sesame"}
            replayed = await start(owner, "slow", words, taskPushNotificationConfig=config)
            lost = await start(owner, "ticker", "600", taskPushNotificationConfig=config)
            followed: dict[str, list[sse.ServerEvent]] = {}

            async def follow(agent: str, task: str) -> None:
                followed[task] = await subscribe([owner, other, third], agent, task)

            async with anyio.create_task_group() as group:
                group.start_soon(follow, "slow", replayed)
                group.start_soon(follow, "ticker", lost)

                async def has_begun() -> bool:
                    return all(len(webhook_events(webhook, task)) > 3 for task in (replayed, lost))

                await until(has_begun, "both tasks reaching the webhook")
                owner.server.kill()
            assert (await checked(other, replayed))["status"] == "completed"
            assert (await checked(other, lost))["status"] == "failed"
            for agent, task in (("slow", replayed), ("ticker", lost)):
                again = await subscribe([third], agent, task)
                assert [(event.id, event.json) for event in followed[task]] == [(event.id, event.json) for event in again]

                async def has_all(task: str = task, count: int = len(again)) -> bool:
                    return len(webhook_events(webhook, task)) >= count

                await until(has_all, "the webhook receiving all events")
                assert webhook_events(webhook, task)[-len(again) :] == [event.json for event in again]
