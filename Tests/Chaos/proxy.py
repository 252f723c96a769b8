# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy on loopback that cuts, holds, slows and refuses connections, and that loses responses."""

import asyncio
import random


class Proxy:
    """Forwards connections of one port to another. Its attributes can be changed while it runs."""

    def __init__(self, target: int, seed: int) -> None:
        self.target = target
        self.port = 0
        self.delay = 0.0
        """Seconds by which each piece of data is delayed."""
        self.loss = 0.0
        """The probability with which a response is lost: its request has arrived, and the connection is reset before or
        in the middle of the response."""
        self.refuses = False
        """New connections are closed at once."""
        self.lost = 0
        self._random = random.Random(seed)
        self._open = asyncio.Event()
        self._open.set()
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    def hold(self) -> None:
        """Half-open: connections are accepted and remain, and no data passes in either direction."""
        self._open.clear()

    def release(self) -> None:
        """Data that was held arrives now."""
        self._open.set()

    def cut(self) -> None:
        """Resets all connections. Held data is lost."""
        for link in list(self._links):
            link.reset()

    def heal(self) -> None:
        (self.delay, self.loss, self.refuses) = (0.0, 0.0, False)
        self.release()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.transport.abort()
            return
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, (reader, writer), upstream)
        self._links.add(link)
        try:
            await link.run()
        except asyncio.CancelledError:
            # The harness ends; asyncio would report it as an error of the connection.
            link.reset()
        finally:
            self._links.discard(link)

    async def pass_on(self, data: bytes, is_response: bool) -> bytes | None:
        """Returns what is to be sent of some data. Returns `None` if the connection is to be reset before it."""
        if self.delay:
            await asyncio.sleep(self.delay * self._random.uniform(0.5, 1.5))
        await self._open.wait()
        if is_response and self.loss and self._random.random() < self.loss:
            self.lost += 1
            return data[: self._random.randrange(len(data))] if self._random.random() < 0.5 else b""
        return data


class _Link:
    """One connection through a proxy."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        self._tasks = [
            asyncio.create_task(self._pump(self._client[0], self._server[1], False)),
            asyncio.create_task(self._pump(self._server[0], self._client[1], True)),
        ]
        await asyncio.wait(self._tasks, return_when=asyncio.ALL_COMPLETED)
        self.reset()

    def reset(self) -> None:
        for task in self._tasks:
            task.cancel()
        for _, writer in (self._client, self._server):
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_response: bool) -> None:
        try:
            while data := await reader.read(65_536):
                passed = await self._proxy.pass_on(data, is_response)
                if passed is None:
                    break
                writer.write(passed)
                await writer.drain()
                if len(passed) < len(data):
                    break
            else:
                # The end of one direction. The other one may still have data.
                if writer.can_write_eof():
                    writer.write_eof()
                return
        except (OSError, asyncio.CancelledError):
            pass
        # Sends what has been written so far, and ends both directions.
        for _, end in (self._client, self._server):
            end.close()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
