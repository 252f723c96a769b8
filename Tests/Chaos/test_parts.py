# SPDX-License-Identifier: Apache-2.0
"""The parts of the harness: the proxy, shrinking, the recorder, and the watchdog."""

import asyncio
import json
import random
import unittest
from collections.abc import Awaitable, Callable

from history import OK, UNKNOWN, Operation, Recorder, encoded
from proxy import Proxy
from shrink import shrink
from watchdog import TOLERATED, Watchdog


class EchoServer:
    """Sends back each line, and counts the lines that arrive."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def __aenter__(self) -> "EchoServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1_000_000)
        self.port = self._server.sockets[0].getsockname()[1]
        self.proxy = Proxy(self.port, seed=1)
        await self.proxy.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.proxy.stop()
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.lines.append(line)
                writer.write(line)
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def ask(self, text: bytes, timeout: float = 5) -> bytes:
        """Sends a line through the proxy, and returns what comes back until the connection ends or there is a line."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy.port)
        try:
            writer.write(text)
            await writer.drain()
            return await asyncio.wait_for(reader.readline(), timeout)
        except OSError:
            return b""
        finally:
            writer.close()


def with_server(test: Callable[[EchoServer], Awaitable[None]]) -> None:
    async def run() -> None:
        async with EchoServer() as server:
            await test(server)

    asyncio.run(run())


class ProxyTests(unittest.TestCase):
    def test_it_forwards_in_both_directions(self) -> None:
        async def test(server: EchoServer) -> None:
            self.assertEqual(await server.ask(b"hello\n"), b"hello\n")
            long = b"x" * 300_000 + b"\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", server.proxy.port, limit=1_000_000)
            writer.write(long)
            self.assertEqual(len(await reader.readline()), len(long))
            writer.close()

        with_server(test)

    def test_a_lost_response_has_reached_the_server(self) -> None:
        async def test(server: EchoServer) -> None:
            server.proxy.loss = 1
            answer = await server.ask(b"hello\n")
            self.assertNotEqual(answer, b"hello\n")
            self.assertTrue(b"hello\n".startswith(answer))
            self.assertEqual((server.lines, server.proxy.lost), ([b"hello\n"], 1))

        with_server(test)

    def test_held_data_arrives_when_it_is_released(self) -> None:
        async def test(server: EchoServer) -> None:
            server.proxy.hold()
            asking = asyncio.create_task(server.ask(b"hello\n", timeout=30))
            await asyncio.sleep(0.2)
            self.assertEqual((server.lines, asking.done()), ([], False))
            server.proxy.release()
            self.assertEqual(await asking, b"hello\n")

        with_server(test)

    def test_held_data_is_lost_when_the_connection_is_cut(self) -> None:
        async def test(server: EchoServer) -> None:
            server.proxy.hold()
            asking = asyncio.create_task(server.ask(b"hello\n", timeout=30))
            await asyncio.sleep(0.2)
            server.proxy.cut()
            server.proxy.release()
            self.assertEqual(await asking, b"")
            self.assertEqual(server.lines, [])
            self.assertEqual(await server.ask(b"again\n"), b"again\n")

        with_server(test)

    def test_refused_connections_end_at_once_until_it_heals(self) -> None:
        async def test(server: EchoServer) -> None:
            server.proxy.refuses = True
            self.assertEqual(await server.ask(b"hello\n"), b"")
            server.proxy.heal()
            self.assertEqual(await server.ask(b"hello\n"), b"hello\n")

        with_server(test)


class ShrinkTests(unittest.TestCase):
    def test_the_result_fails_and_no_item_can_be_omitted(self) -> None:
        rng = random.Random(3)
        for _ in range(50):
            needed = set(rng.sample(range(200), rng.randrange(1, 6)))
            found = shrink(range(200), lambda items: needed <= set(items))
            self.assertEqual(set(found), needed)

    def test_the_number_of_attempts_is_bounded(self) -> None:
        attempts = 0

        def fails(items: list[int]) -> bool:
            nonlocal attempts
            attempts += 1
            return len(items) > 100

        shrink(range(1_000), fails, attempts=50)
        self.assertLessEqual(attempts, 51)


class RecorderTests(unittest.TestCase):
    def test_an_operation_is_in_doubt_until_it_ends(self) -> None:
        moments = iter([0.0, 1.0, 3.5])
        recorder = Recorder(lambda: next(moments), seed=1)
        operation = recorder.begin("create", "p0", tag="t1")
        self.assertEqual((operation.outcome, operation.until), (UNKNOWN, float("inf")))
        recorder.end(operation, OK, 200, run_id="r")
        self.assertEqual((operation.start, operation.until, operation.response["run_id"]), (1.0, 3.5, "r"))
        self.assertEqual(recorder.history.operations, [operation])

    def test_a_line_has_the_kind_of_the_operation(self) -> None:
        line = json.loads(encoded(Operation(1, "cancel", 0, {"run": "r"})))
        self.assertEqual((line["kind"], line["operation"], line["end"]), ("operation", "cancel", None))


class WatchdogTests(unittest.TestCase):
    def test_only_time_without_a_processor_does_not_count(self) -> None:
        watchdog = Watchdog()
        watchdog.note(TOLERATED / 2)
        self.assertEqual(watchdog.starved, 0)
        watchdog.note(3)
        self.assertEqual((watchdog.starved, watchdog.longest), (3, 3))


if __name__ == "__main__":
    unittest.main()
