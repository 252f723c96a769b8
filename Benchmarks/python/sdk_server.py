# SPDX-License-Identifier: Apache-2.0
"""The agents of BenchServer, served by the reference implementation: sdk_server.py memory|redis://… [port]."""

import socket
import sys
from collections.abc import AsyncGenerator

import uvicorn
from acp_sdk.models import Message, MessagePart
from acp_sdk.server import agent, create_app
from acp_sdk.server.store import RedisStore
from redis.asyncio import Redis


@agent()
async def echo(input: list[Message]) -> AsyncGenerator:
    """Echoes every message of its input."""
    for message in input:
        yield message


@agent()
async def parts(input: list[Message]) -> AsyncGenerator:
    """Yields as many parts as its input says."""
    for number in range(int(str(input[0]))):
        yield MessagePart(content=f"This is part {number} of a message of usual length.")


@agent()
async def messages(input: list[Message]) -> AsyncGenerator:
    """Yields as many messages as its input says."""
    for number in range(int(str(input[0]))):
        text = f"This is part {number} of a message of usual length."
        yield Message(role="agent/messages", parts=[MessagePart(content=text)])


def main() -> None:
    place = sys.argv[1]
    # Without a store it takes the one in memory that it brings.
    store = None if place == "memory" else RedisStore(redis=Redis.from_url(place))
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    app = create_app(echo, parts, messages, store=store)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main()
