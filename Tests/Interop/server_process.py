# SPDX-License-Identifier: Apache-2.0
"""Starts `acp serve` on a free port and ends it by SIGTERM."""

import os
import re
import resource
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from specification import ROOT

START_DEADLINE = 30.0
STOP_DEADLINE = 60.0
ADDRESS = re.compile(r"https?://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)")


def binary() -> Path:
    return Path(os.environ.get("ACP_BIN", ROOT / ".build" / "debug" / "acp"))


class ServerProcess:
    """A running server. Its output goes through a pipe that is read to the end, so that it never blocks."""

    def __init__(
        self,
        *options: str,
        environment: dict[str, str] | None = None,
        open_files: int | None = None,
        within: tuple[str, ...] = (),
        program: Path | None = None,
        command: list[str] | None = None,
    ) -> None:
        """`within` is a command that runs the server's own command, `program` another one than the tool under test, and
        `command` replaces the whole command, options included."""
        path = program or binary()
        if not path.is_file():
            raise RuntimeError(f"{path} does not exist: build it with 'make build', or name it in ACP_BIN")
        self._address: str | None = None
        self._known = threading.Event()
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command or [*within, str(path), "serve", "--host", "127.0.0.1", "--port", "0", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            preexec_fn=open_files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._known.wait(START_DEADLINE) or self._address is None:
            self._process.kill()
            raise RuntimeError(f"the server said no address within {START_DEADLINE:.0f} s; its output:\n{self.log()}")

    @property
    def url(self) -> str:
        assert self._address is not None
        return self._address

    def log(self) -> str:
        """Returns the last part of the server's output."""
        size = self._log.seek(0, os.SEEK_END)
        return os.pread(self._log.fileno(), 8000, max(0, size - 8000)).decode("utf-8", "replace")

    def wait_for_log(self, pattern: str) -> re.Match[str]:
        """Waits until the output matches: lines arrive through a pipe, and some after the server's address."""
        deadline = time.monotonic() + START_DEADLINE
        while not (found := re.search(pattern, self.log())):
            assert time.monotonic() < deadline, f"'{pattern}' is not in the output:\n{self.log()}"
            time.sleep(0.02)
        return found

    @property
    def pid(self) -> int:
        return self._process.pid

    def terminate(self) -> None:
        """Sends SIGTERM, and does not wait."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, and does not wait."""
        self._process.send_signal(number)

    def processor_time(self) -> float:
        """Returns the processor time of the server in seconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """Kills the server."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def exit_code(self) -> int:
        """Waits for the end of the server. A server that does not end is killed, which is an error."""
        try:
            code = self._process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise RuntimeError(f"the server did not end after SIGTERM; its output:\n{self.log()}") from None
        self._reader.join()
        return code

    def stop(self) -> int:
        self.terminate()
        return self.exit_code()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            os.write(self._log.fileno(), line)
            found = ADDRESS.search(line.decode("utf-8", "replace"))
            if found and self._address is None:
                self._address = found.group(0)
                self._known.set()
        # The end of the output without an address is an answer too.
        self._known.set()
