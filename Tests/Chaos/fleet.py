# SPDX-License-Identifier: Apache-2.0
"""Several server processes on one storage, each behind a proxy, and with a proxy between it and the storage."""

import asyncio
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clients import Endpoint
from history import Recorder
from proxy import Proxy
from storages import Store, free_port

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE = 60.0
STOP_DEADLINE = 60.0


def clock_library(folder: Path) -> Path | None:
    """Compiles what moves the clock of a server. Returns `None` where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None or platform.system() != "Linux":
        return None
    library = folder / "clock.so"
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(Path(__file__).with_name("clock.c")), "-ldl"], check=True)
    return library


def binary() -> Path:
    return ROOT / os.environ.get("CHAOS_SERVER", ".build/debug/ChaosServer")


class Slot:
    """The place of one server: its ports and proxies, which remain while servers in it come and go."""

    def __init__(self, index: int, store: Store, options: list[str], folder: Path, seed: int, clock: Path | None) -> None:
        self.name = f"p{index}"
        self.store = store
        self.front = Proxy(0, seed * 100 + index)
        self.back = Proxy(store.port, seed * 100 + 50 + index) if store.port is not None else None
        self.restarts = 0
        self._options = options
        self._log = folder / f"{self.name}.log"
        self._clock_library = clock
        self._clock = folder / f"{self.name}.clock"
        self._process: subprocess.Popen[bytes] | None = None
        self.expected_end = True

    async def open(self) -> None:
        self.front.target = free_port()
        await self.front.start()
        if self.back is not None:
            await self.back.start()
        self.endpoint_url = f"http://127.0.0.1:{self.front.port}"
        await self.start()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Starts a server, and waits until it accepts connections."""
        url = self.store.url(self.back.port if self.back is not None else None)
        command = [str(binary()), "--storage", url, "--port", str(self.front.target), *self._options]
        environment = dict(os.environ)
        if self._clock_library is not None:
            self.set_clock(0)
            environment |= {"LD_PRELOAD": str(self._clock_library), "CHAOS_CLOCK": str(self._clock)}
        begin = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment,
                start_new_session=True)  # fmt: skip
        self.expected_end = False
        end = time.monotonic() + START_DEADLINE
        while time.monotonic() < end:
            with self._log.open("rb") as log:
                log.seek(begin)
                if b"Serving ACP" in log.read():
                    return
            if not self.is_running:
                break
            await asyncio.sleep(0.05)
        raise RuntimeError(f"the server {self.name} did not start: see {self._log}\n{self.log_tail()}")

    def log_tail(self, size: int = 1_500) -> str:
        text = self._log.read_bytes() if self._log.exists() else b""
        return text[-size:].decode("utf-8", "replace")

    def set_clock(self, seconds: float) -> None:
        """Moves the wall clock of the server by some seconds from the right time."""
        # The server has mapped the file: it is neither replaced nor truncated.
        offset = int(seconds * 1e9).to_bytes(8, sys.byteorder, signed=True)
        file = os.open(self._clock, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        os.pwrite(file, offset, 0)
        os.close(file)

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    async def kill(self) -> None:
        self.expected_end = True
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    async def terminate(self) -> str | None:
        """Ends the server by SIGTERM. Returns what went wrong, if anything did."""
        if not self.is_running or self._process is None:
            return None
        self.expected_end = True
        self._process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.to_thread(self._process.wait, STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            await self.kill()
            return f"{self.name} did not end within {STOP_DEADLINE:.0f} s after SIGTERM"
        return None if code == 0 else f"{self.name} ended with exit code {code} after SIGTERM:\n{self.log_tail()}"

    def crash(self) -> str | None:
        """What happened to a server that has ended by itself."""
        if self.is_running or self.expected_end or self._process is None:
            return None
        self.expected_end = True
        return f"{self.name} ended by itself with exit code {self._process.returncode}:\n{self.log_tail()}"

    def heal(self) -> None:
        self.send(signal.SIGCONT)
        self.set_clock(0)
        for proxy in (self.front, self.back):
            if proxy is not None:
                proxy.heal()


class Fleet:
    """The storage, the servers and their clients."""

    def __init__(
        self, store: Store, seed: int, processes: int, lease: float, options: list[str], wants_clock: bool = False
    ) -> None:
        self.store = store
        self.lease = lease
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-fleet-")
        self.folder = Path(self._folder.name)
        self._seed = seed
        self._count = min(processes, store.processes)
        self._options = ["--lease", str(lease), "--grace", "1", *options]
        self.clock = clock_library(self.folder) if wants_clock else None
        self.slots: list[Slot] = []
        self.endpoints: list[Endpoint] = []

    async def start(self) -> None:
        await self.store.start()
        self.slots = [
            Slot(index, self.store, self._options, self.folder, self._seed, self.clock)
            for index in range(self._count)
        ]
        await asyncio.gather(*(slot.open() for slot in self.slots))

    async def connect(self, recorder: Recorder) -> list[Endpoint]:
        """Replaces all clients by new ones, which record into a history."""
        await self.disconnect()
        self.endpoints = [Endpoint(slot.name, slot.endpoint_url, recorder) for slot in self.slots]
        for endpoint in self.endpoints:
            await endpoint.open()
        return self.endpoints

    async def disconnect(self) -> None:
        for endpoint in self.endpoints:
            await endpoint.close()
        self.endpoints = []

    async def heal(self) -> None:
        """Ends all that is wrong, and starts servers that are missing."""
        for slot in self.slots:
            slot.heal()
            if not slot.is_running and slot.expected_end:
                await slot.start()

    def crashes(self) -> list[str]:
        return [crash for slot in self.slots if (crash := slot.crash())]

    async def stop(self) -> list[str]:
        """Ends all servers. Returns what went wrong."""
        await self.disconnect()
        ends = await asyncio.gather(*(slot.terminate() for slot in self.slots))
        return [end for end in ends if end]

    async def close(self) -> None:
        await self.disconnect()
        for slot in self.slots:
            await slot.kill()
            await slot.front.stop()
            if slot.back is not None:
                await slot.back.stop()
        await self.store.stop()
        self._folder.cleanup()
