# SPDX-License-Identifier: Apache-2.0
"""An A2A agent of the published Python SDK, for the tests of the client: python a2a_python_server.py PORT [URL].

The card names URL, which is that of the port by default.

The text decides what it does: "ask ..." requires input, "fail ..." fails, "direct ..." responds with a message, "slow ..." sends
a word every 50 milliseconds; everything else is sent back word by word.
"""

import asyncio
import sys

import uvicorn
from a2a.helpers import new_task_from_user_message, new_text_artifact_update_event, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Role
from starlette.applications import Starlette


class Words(AgentExecutor):
    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        text = context.get_user_input()
        command, _, rest = text.partition(" ")
        if command == "direct":
            await event_queue.enqueue_event(new_text_message(rest, role=Role.ROLE_AGENT))
            return
        task = context.current_task
        is_answer = task is not None
        if task is None:
            task = new_task_from_user_message(context.message)
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        if command == "ask" and not is_answer:
            question = updater.new_agent_message([new_text_part("What is your name?")])
            await updater.requires_input(question)
            return
        if command == "fail":
            await updater.failed(updater.new_agent_message([new_text_part("this agent always fails")]))
            return
        words = f"Hello, {text}!".split(" ") if is_answer else (rest if command == "slow" else text).split(" ")
        for index, word in enumerate(words):
            if command == "slow":
                await asyncio.sleep(0.05)
            await event_queue.enqueue_event(
                new_text_artifact_update_event(
                    task.id,
                    task.context_id,
                    "words",
                    word if index == 0 else f" {word}",
                    append=index > 0,
                    last_chunk=index == len(words) - 1,
                    artifact_id="words",
                )
            )
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def application(url: str) -> Starlette:
    card = AgentCard(
        name="Words",
        description="Sends the words that it receives.",
        version="1.0",
        supported_interfaces=[
            AgentInterface(url=f"{url}/rpc", protocol_binding="JSONRPC", protocol_version="1.0"),
            AgentInterface(url=f"{url}/rest", protocol_binding="HTTP+JSON", protocol_version="1.0"),
        ],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="words", name="Words", description="Sends words.", tags=["test"])],
    )
    handler = DefaultRequestHandler(agent_executor=Words(), task_store=InMemoryTaskStore(), agent_card=card)
    routes = [
        *create_agent_card_routes(card, cache_control="public, max-age=60"),
        *create_jsonrpc_routes(handler, "/rpc"),
        *create_rest_routes(handler, path_prefix="/rest"),
    ]
    return Starlette(routes=routes)


if __name__ == "__main__":
    port = int(sys.argv[1])
    url = sys.argv[2] if len(sys.argv) > 2 else f"http://127.0.0.1:{port}"
    uvicorn.run(application(url), host="127.0.0.1", port=port, log_level="warning")
