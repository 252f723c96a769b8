# SPDX-License-Identifier: Apache-2.0
"""Starts redis-server on a free port, with its files in a temporary folder."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from free_port import free_port

START_DEADLINE = 30.0


class RedisProcess:
    """A running redis-server that no other process uses."""

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError("redis-server is not installed. On Debian and Ubuntu: apt-get install redis-server")
        self._folder = tempfile.TemporaryDirectory(prefix="redis-")
        # Another program may take a port between its reservation and listening on it.
        for _ in range(5):
            self.port: int = free_port()
            if self._started(program):
                return
        raise RuntimeError(f"redis-server did not start:\n{self._log.read_text()}")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def freeze(self) -> None:
        """Stops the process: connections remain open, and no replies are sent."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def command(self, *words: str) -> str:
        """Returns the output of redis-cli for a command."""
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, timeout=30, check=True
        )
        return done.stdout.strip()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    @property
    def _log(self) -> Path:
        return Path(self._folder.name) / "redis.log"

    def _started(self, program: str) -> bool:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", self._folder.name, "--save", ""]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        end = time.monotonic() + START_DEADLINE
        while self._process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
            time.sleep(0.01)
        self._process.kill()
        self._process.wait()
        return False
