# SPDX-License-Identifier: Apache-2.0
"""The published A2A client against the agents that are also served over ACP."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
import sse
from a2a.client.card_resolver import A2ACardResolver
from a2a.types import a2a_pb2 as a2a
from a2a.utils.errors import (
    InvalidParamsError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
    VersionNotSupportedError,
)
from a2a_calls import (
    BINDINGS,
    Webhook,
    connected,
    elements,
    message,
    request,
    send,
    states,
    streamed_text,
    task_id,
    text,
)
from server_process import ServerProcess

pytestmark = [pytest.mark.additions]

VERSION = {"A2A-Version": "1.0"}
COMPLETED = a2a.TASK_STATE_COMPLETED


@pytest.fixture(params=BINDINGS)
def binding(request: pytest.FixtureRequest) -> str:
    return request.param


# Cards


async def test_every_agent_has_a_card_that_names_both_bindings(url: str) -> None:
    async with httpx.AsyncClient() as http:
        card = await A2ACardResolver(http, f"{url}/a2a/greeter").get_agent_card()
        assert (card.name, card.description) == ("greeter", "Greets its caller")
        assert [(entry.protocol_binding, entry.protocol_version) for entry in card.supported_interfaces] == [
            ("JSONRPC", "1.0"),
            ("HTTP+JSON", "1.0"),
        ]
        assert all(entry.url == f"{url}/a2a/greeter" for entry in card.supported_interfaces)
        assert card.capabilities.streaming and card.capabilities.push_notifications
        assert card.skills and card.default_input_modes and card.default_output_modes and card.version
        response = await http.get(f"{url}/a2a/nobody/.well-known/agent-card.json")
        assert response.status_code == 404


async def test_a_card_is_sent_again_only_if_it_has_changed(url: str) -> None:
    async with httpx.AsyncClient() as http:
        first = await http.get(f"{url}/a2a/echo/.well-known/agent-card.json")
        assert first.status_code == 200 and "max-age" in first.headers["cache-control"]
        assert first.headers["last-modified"]
        again = await http.get(first.url, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304 and not again.content


# Sending


async def test_a_blocking_message_returns_the_ended_task(url: str, binding: str) -> None:
    async with connected(url, "echo", binding, streaming=False) as client:
        task = await send(client, "Hello")
        assert task.status.state == COMPLETED and text(task) == "Hello"
        assert task.id and task.context_id
        assert [part.text for part in task.history[0].parts] == ["Hello"]
        found = await client.get_task(a2a.GetTaskRequest(id=task.id))
        assert found == task
        assert not (await client.get_task(a2a.GetTaskRequest(id=task.id, history_length=0))).history


async def test_a_stream_begins_with_the_task_and_ends_with_its_last_state(url: str, binding: str) -> None:
    async with connected(url, "slow", binding) as client:
        seen = await elements(client.send_message(request("one two three")))
        assert seen[0].HasField("task")
        assert states(seen)[-1] == "COMPLETED" and "WORKING" in states(seen)
        assert streamed_text(seen) == "one two three"
        task = await client.get_task(a2a.GetTaskRequest(id=task_id(seen)))
        assert text(task) == "one two three" and len(task.artifacts) == 1
        updates = [element.artifact_update for element in seen if element.HasField("artifact_update")]
        assert [update.append for update in updates if update.artifact.parts[0].text][:3] == [False, True, True]
        assert {update.artifact.artifact_id for update in updates} == {task.artifacts[0].artifact_id}


async def test_a_message_that_does_not_wait_returns_at_once(url: str, binding: str) -> None:
    async with connected(url, "slow", binding, streaming=False) as client:
        task = await send(client, "a b c", return_immediately=True)
        assert task.status.state in (a2a.TASK_STATE_SUBMITTED, a2a.TASK_STATE_WORKING)
    async with connected(url, "slow", binding) as follower:
        seen = await elements(follower.subscribe(a2a.SubscribeToTaskRequest(id=task.id)))
        assert seen[0].HasField("task") and states(seen)[-1] == "COMPLETED"


async def test_a_question_is_answered_in_the_same_task(url: str, binding: str) -> None:
    async with connected(url, "questioner", binding, streaming=False) as client:
        asking = await send(client, "hi")
        assert asking.status.state == a2a.TASK_STATE_INPUT_REQUIRED
        assert asking.status.message.parts[0].text == "What is your name?"
        task = await send(client, "Ada", task=asking.id)
        assert (task.id, task.context_id) == (asking.id, asking.context_id)
        assert task.status.state == COMPLETED and text(task) == "Hello, Ada!"
        roles = [(a2a.Role.Name(entry.role), entry.parts[0].text) for entry in task.history]
        assert roles == [("ROLE_USER", "hi"), ("ROLE_AGENT", "What is your name?"), ("ROLE_USER", "Ada")]


async def test_a_stream_ends_with_a_question_and_a_second_one_brings_the_rest(url: str, binding: str) -> None:
    async with connected(url, "questioner", binding) as client:
        first = await elements(client.send_message(request("hi")))
        assert states(first)[-1] == "INPUT_REQUIRED"
        second = await elements(client.send_message(request("Ada", task=task_id(first))))
        assert second[0].HasField("task") and states(second)[-1] == "COMPLETED"
        assert streamed_text(second) == "Hello, Ada!"


async def test_artifacts_keep_their_names_types_and_bytes(url: str, binding: str) -> None:
    async with connected(url, "artist", binding, streaming=False) as client:
        task = await send(client, "draw")
        assert task.status.state == COMPLETED
        named = {artifact.name: artifact for artifact in task.artifacts if artifact.name}
        assert named, "the agent sends artifacts with names"
        assert all(part.filename == name for name, artifact in named.items() for part in artifact.parts)


async def test_a_task_that_fails_says_why(url: str, binding: str) -> None:
    async with connected(url, "failer", binding, streaming=False) as client:
        task = await send(client, "hi")
        assert task.status.state == a2a.TASK_STATE_FAILED
        assert task.status.message.parts[0].text


# Tasks


async def test_a_task_is_cancelled(url: str, binding: str) -> None:
    async with connected(url, "slow", binding, streaming=False) as client:
        task = await send(client, " ".join(["word"] * 200), return_immediately=True)
        cancelled = await client.cancel_task(a2a.CancelTaskRequest(id=task.id))
        assert cancelled.status.state == a2a.TASK_STATE_CANCELED
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(a2a.CancelTaskRequest(id=task.id))


async def test_tasks_are_listed_by_their_last_change(url: str, binding: str) -> None:
    context = str(uuid.uuid4())
    async with connected(url, "questioner", binding, streaming=False) as client:
        asking = []
        for _ in range(5):
            sent = a2a.SendMessageRequest(message=message("hi", context=context))
            asking.append((await elements(client.send_message(sent)))[0].task.id)
        await send(client, "Ada", task=asking[1])
        everything = await client.list_tasks(a2a.ListTasksRequest(context_id=context))
        assert [task.id for task in everything.tasks] == [asking[1], asking[4], asking[3], asking[2], asking[0]]
        assert (everything.total_size, everything.next_page_token) == (5, "")
        assert not any(task.artifacts for task in everything.tasks)
        waiting = a2a.ListTasksRequest(context_id=context, status=a2a.TASK_STATE_INPUT_REQUIRED, page_size=3)
        page = await client.list_tasks(waiting)
        assert ([task.id for task in page.tasks], page.total_size) == ([asking[4], asking[3], asking[2]], 4)
        waiting.page_token = page.next_page_token
        rest = await client.list_tasks(waiting)
        assert ([task.id for task in rest.tasks], rest.next_page_token) == ([asking[0]], "")
        completed = a2a.ListTasksRequest(context_id=context, status=COMPLETED, include_artifacts=True)
        assert [text(task) for task in (await client.list_tasks(completed)).tasks] == ["Hello, Ada!"]


async def test_what_is_not_there_or_too_late_is_an_error(url: str, binding: str) -> None:
    async with connected(url, "echo", binding, streaming=False) as client:
        for missing in (str(uuid.uuid4()), "no task at all"):
            with pytest.raises(TaskNotFoundError):
                await client.get_task(a2a.GetTaskRequest(id=missing))
        with pytest.raises(TaskNotFoundError):
            await send(client, "hi", task=str(uuid.uuid4()))
        done = await send(client, "hi")
        with pytest.raises(UnsupportedOperationError):
            await send(client, "again", task=done.id)
        with pytest.raises(InvalidParamsError):
            await client.list_tasks(a2a.ListTasksRequest(page_size=101))
        with pytest.raises(InvalidParamsError):
            await client.list_tasks(a2a.ListTasksRequest(page_token="not a token"))
    async with connected(url, "echo", binding) as follower:
        with pytest.raises(UnsupportedOperationError):
            await elements(follower.subscribe(a2a.SubscribeToTaskRequest(id=done.id)))
    async with connected(url, "greeter", binding, streaming=False) as other:
        with pytest.raises(TaskNotFoundError):
            await other.get_task(a2a.GetTaskRequest(id=done.id))


async def test_another_version_is_refused(url: str) -> None:
    async with connected(url, "echo") as client:
        client._transport.httpx_client.headers["A2A-Version"] = "0.3"
        with pytest.raises(VersionNotSupportedError):
            await client.get_task(a2a.GetTaskRequest(id="t"))


# Both protocols


async def test_a_task_is_a_run(url: str, http: httpx.AsyncClient) -> None:
    async with connected(url, "questioner", streaming=False) as client:
        task = await send(client, "hi")
        run = (await http.get(f"/runs/{task.id}")).json()
        assert (run["status"], run["session_id"]) == ("awaiting", task.context_id)
        answer = {"type": "message", "message": {"role": "user", "parts": [{"content": "Ada"}]}}
        body = {"run_id": task.id, "await_resume": answer, "mode": "sync"}
        assert (await http.post(f"/runs/{task.id}", json=body)).json()["status"] == "completed"
        ended = await client.get_task(a2a.GetTaskRequest(id=task.id))
        assert ended.status.state == COMPLETED and text(ended) == "Hello, Ada!"


async def test_a_run_is_a_task(url: str, http: httpx.AsyncClient) -> None:
    body = {"agent_name": "echo", "input": [{"role": "user", "parts": [{"content": "Hello"}]}]}
    run = (await http.post("/runs", json=body)).json()
    async with connected(url, "echo", streaming=False) as client:
        task = await client.get_task(a2a.GetTaskRequest(id=run["run_id"]))
        assert (task.context_id, text(task)) == (run["session_id"], "Hello")
        assert task.history[0].parts[0].text == "Hello" and task.history[0].message_id


# Additions


async def events(http: httpx.AsyncClient, path: str, headers: dict[str, str], body: Any = None) -> list[sse.ServerEvent]:
    response = await http.post(path, json=body, headers=VERSION | {"Accept": "text/event-stream"} | headers)
    assert response.status_code == 200, response.text
    return sse.parse(response.text)


async def test_a_stream_continues_exactly_after_any_event(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        sent = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "one two three four"}]}}
        whole = await events(http, "/a2a/slow/message:stream", {}, sent)
        task = whole[0].json["task"]["id"]
        assert all(event.id is not None for event in whole)
        for index, event in enumerate(whole):
            rest = await events(http, f"/a2a/slow/tasks/{task}:subscribe", {"Last-Event-ID": event.id or ""})
            assert [(after.id, after.json) for after in rest] == [(after.id, after.json) for after in whole[index + 1 :]]


async def test_a_message_with_the_same_key_is_sent_once(url: str, binding: str) -> None:
    headers = VERSION | {"Idempotency-Key": str(uuid.uuid4())}
    sent = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": sent}
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        path, body = ("/a2a/echo", call) if binding == "JSONRPC" else ("/a2a/echo/message:send", sent)
        responses = [(await http.post(path, json=body, headers=headers)).json() for _ in range(3)]
        tasks = [response.get("result", response)["task"]["id"] for response in responses]
        assert len(set(tasks)) == 1
        assert (await http.delete(f"/runs/{tasks[0]}")).status_code == 204
        repeated = (await http.post(path, json=body, headers=headers)).json()["error"]
        assert "was deleted: use a new key" in repeated["message"], repeated


async def test_no_member_of_a_response_is_in_snake_case(url: str) -> None:
    def names(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for inner in value.values() for name in names(inner)}
        return {name for inner in value for name in names(inner)} if isinstance(value, list) else set()

    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        for agent in ("echo", "questioner", "artist", "failer"):
            sent = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}}
            response = await http.post(f"/a2a/{agent}/message:send", json=sent, headers=VERSION)
            assert not [name for name in names(response.json()) if "_" in name], response.text


# Push notifications


@pytest.mark.own_server
async def test_a_webhook_gets_all_events_in_order(own_server: Callable[..., ServerProcess], binding: str) -> None:
    server = own_server("--link-host", "127.0.0.1")
    with Webhook(failures=2) as webhook:
        async with connected(server.url, "slow", binding, streaming=False) as client:
            config = a2a.TaskPushNotificationConfig(
                url=webhook.url,
                token="sesame",
                authentication=a2a.AuthenticationInfo(scheme="Bearer", credentials="secret"),
            )
            task = await send(client, "one two three", task_push_notification_config=config)
            bodies = await anyio.to_thread.run_sync(webhook.wait_for, "COMPLETED", task.id)
            words = [body["artifactUpdate"]["artifact"]["parts"][0]["text"] for body in bodies if "artifactUpdate" in body]
            assert "".join(words) == "one two three"
            headers = webhook.received[0][0]
            assert headers["X-A2A-Notification-Token"] == "sesame" and headers["Authorization"] == "Bearer secret"
            assert "secret" not in server.log() and "sesame" not in server.log()


@pytest.mark.own_server
async def test_push_configurations_are_kept_listed_and_deleted(
    own_server: Callable[..., ServerProcess], binding: str
) -> None:
    server = own_server("--link-host", "127.0.0.1")
    with Webhook() as webhook:
        async with connected(server.url, "questioner", binding, streaming=False) as client:
            task = await send(client, "hi")
            made = await client.create_task_push_notification_config(
                a2a.TaskPushNotificationConfig(task_id=task.id, url=webhook.url)
            )
            assert made.id and made.task_id == task.id
            get = a2a.GetTaskPushNotificationConfigRequest(task_id=task.id, id=made.id)
            assert (await client.get_task_push_notification_config(get)).url == webhook.url
            listing = a2a.ListTaskPushNotificationConfigsRequest(task_id=task.id)
            assert [c.id for c in (await client.list_task_push_notification_configs(listing)).configs] == [made.id]
            await client.delete_task_push_notification_config(
                a2a.DeleteTaskPushNotificationConfigRequest(task_id=task.id, id=made.id)
            )
            with pytest.raises(TaskNotFoundError):
                await client.get_task_push_notification_config(get)
            await send(client, "Ada", task=task.id)
            assert json.dumps(webhook.received).count("COMPLETED") == 0
            runs = (await client._transport.httpx_client.get(f"{server.url}/runs")).json()["runs"]
            assert {run["agent_name"] for run in runs} == {"questioner"}
