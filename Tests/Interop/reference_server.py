# SPDX-License-Identifier: Apache-2.0
"""The example agents of `acp serve`, served by the reference implementation of the protocol.

It shows that the tests without the marker `additions` ask for the protocol and for nothing else:

    scripts/interop reference

It takes a port, a free one by default, and prints its address.
"""

import asyncio
import json
import socket
import sys
import uuid
from collections.abc import AsyncGenerator
from datetime import datetime, timezone

import uvicorn
from acp_sdk.models import ACPError, Artifact, Error, ErrorCode, Message, MessageAwaitRequest, MessagePart
from acp_sdk.server import Context, agent, create_app

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@agent()
async def echo(input: list[Message]) -> AsyncGenerator:
    """Echoes every message of its input."""
    for message in input:
        yield message


@agent()
async def greeter(input: list[Message]) -> AsyncGenerator:
    """Greets by name."""
    yield f"Hello, {(str(input[0]) if input else '') or 'World'}!"


@agent()
async def counter(input: list[Message], context: Context) -> AsyncGenerator:
    """Counts the runs of its session."""
    session = context.session
    count = json.loads(await session.load_state()) + 1 if session.state else 1
    # The bundled stores have no URLs of their own, so the state goes where the server forwards to.
    state = uuid.uuid4()
    await context.storage.store(state, json.dumps(count).encode())
    session.state = str(context.request.url_for("get_resource", resource_id=state))
    yield f"Count: {count}"


@agent()
async def recall(input: list[Message], context: Context) -> AsyncGenerator:
    """Repeats the previous messages of its session."""
    said = [str(message) async for message in context.session.load_history()]
    yield f"{' | '.join(said)} ({len(said)})"


@agent()
async def questioner(input: list[Message]) -> AsyncGenerator:
    """Asks for a name and greets."""
    resume = yield question("questioner", "What is your name?")
    yield f"Hello, {resume.message}!"


def question(name: str, text: str) -> MessageAwaitRequest:
    return MessageAwaitRequest(message=Message(role=f"agent/{name}", parts=[MessagePart(content=text)]))


@agent()
async def interviewer(input: list[Message]) -> AsyncGenerator:
    """Asks three questions and sums up the answers."""
    name = (yield question("interviewer", "What is your name?")).message
    yield f"Nice to meet you, {name}."
    place = (yield question("interviewer", "Where do you live?")).message
    yield f"{place} is on my list."
    food = (yield question("interviewer", "What do you like to eat?")).message
    yield f"{name} from {place} likes {food}."


@agent()
async def slow(input: list[Message]) -> AsyncGenerator:
    """Streams its input word by word, one every 200 ms."""
    words = " ".join(str(message) for message in input).split()
    for index, word in enumerate(words):
        await asyncio.sleep(0.2)
        yield MessagePart(content=word if index == 0 else f" {word}")


@agent()
async def ticker(input: list[Message]) -> AsyncGenerator:
    """Streams the time every 200 ms."""
    text = str(input[0]) if input else ""
    for tick in range(int(text) if text.isdecimal() else 10):
        await asyncio.sleep(0.2 if tick else 0)
        yield MessagePart(content=f"{datetime.now(timezone.utc).isoformat()}\n")


@agent()
async def failer(input: list[Message]) -> AsyncGenerator:
    """Always fails."""
    yield ACPError(Error(code=ErrorCode.SERVER_ERROR, message="This agent always fails."))


@agent()
async def artist(input: list[Message]) -> AsyncGenerator:
    """Produces artifacts."""
    yield MessagePart(content="Here is a drawing.")
    yield Artifact(
        name="drawing.svg",
        content_type="image/svg+xml",
        content='<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><circle cx="4" cy="4" r="3"/></svg>',
    )
    yield Artifact(name="pixel.png", content_type="image/png", content_encoding="base64", content=PIXEL)
    yield {"progress": 1.0}


def main() -> None:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    app = create_app(echo, greeter, counter, recall, questioner, interviewer, slow, ticker, failer, artist)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main()
