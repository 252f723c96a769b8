# SPDX-License-Identifier: Apache-2.0
"""Drives a server with the last client of A2A 0.3 (a2a-sdk 0.3.26), and prints what it has seen as JSON.

It has an environment of its own, since the two releases of the package exclude each other: test_a2a_v03.py starts it.
"""

import asyncio
import json
import sys
import uuid
from typing import Any

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.client.errors import A2AClientError
from a2a.types import (
    Message,
    Part,
    PushNotificationConfig,
    Role,
    TaskIdParams,
    TaskPushNotificationConfig,
    TaskQueryParams,
    TextPart,
)


def message(text: str, task: str | None = None) -> Message:
    return Message(
        role=Role.user, message_id=str(uuid.uuid4()), parts=[Part(root=TextPart(text=text))], task_id=task
    )


def plain(value: Any) -> Any:
    return None if value is None else value.model_dump(mode="json", by_alias=True, exclude_none=True)


async def send(client: Any, text: str, task: str | None = None) -> dict[str, Any]:
    """Returns the last state of the task, and the kinds of all updates."""
    last, kinds = None, []
    async for event in client.send_message(message(text, task)):
        if isinstance(event, Message):
            return {"message": plain(event)}
        last, update = event
        if update is not None:
            kinds.append(update.kind)
    return {"task": plain(last), "updates": kinds}


async def drive(url: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    async with httpx.AsyncClient(timeout=60) as http:

        async def connected(agent: str, streaming: bool) -> Any:
            config = ClientConfig(httpx_client=http, streaming=streaming, supported_transports=["JSONRPC"])
            return await ClientFactory.connect(f"{url}/a2a/{agent}", client_config=config)

        seen["echo"] = await send(await connected("echo", False), "Hello")
        seen["slow"] = await send(await connected("slow", True), "one two three")
        questioner = await connected("questioner", False)
        seen["asking"] = await send(questioner, "hi")
        task = seen["asking"]["task"]["id"]
        config = PushNotificationConfig(url="https://example.com/webhook", token="sesame")
        made = await questioner.set_task_callback(
            TaskPushNotificationConfig(task_id=task, push_notification_config=config)
        )
        seen["push"] = plain(made)
        seen["answered"] = await send(questioner, "Ada", task)
        seen["found"] = plain(await questioner.get_task(TaskQueryParams(id=task, history_length=1)))
        slow = await connected("slow", True)
        async for event in slow.send_message(message(" ".join(["word"] * 100))):
            running = event[0].id
            break
        seen["cancelled"] = plain(await slow.cancel_task(TaskIdParams(id=running)))
        for name, call in (
            ("missing", questioner.get_task(TaskQueryParams(id="none"))),
            ("too late", questioner.cancel_task(TaskIdParams(id=task))),
        ):
            try:
                await call
            except A2AClientError as error:
                seen[name] = str(error)
    return seen


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drive(sys.argv[1]))))
