# SPDX-License-Identifier: Apache-2.0
"""Starts PostgreSQL on a free port, with its files in a temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from free_port import free_port

START_DEADLINE = 60.0

NOBODY = 65534
"""PostgreSQL does not run as root."""


def program(name: str) -> str:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(installed[-1]) if installed else shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed. On Debian and Ubuntu: apt-get install postgresql")
    return found


class PostgresProcess:
    """A running PostgreSQL that no other process uses."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="postgres-")
        folder = Path(self._folder.name)
        self._data = folder / "data"
        self._log = folder / "postgres.log"
        self._log.touch()
        self._user: dict[str, int] = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        if self._user:
            for path in (folder, self._log):
                os.chown(path, NOBODY, NOBODY)
        made = subprocess.run(
            [program("initdb"), "-D", str(self._data), "-U", "acp", "--auth=trust", "--encoding=UTF8", "--locale=C"],
            capture_output=True,
            cwd=folder,
            **self._user,
        )
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{made.stderr.decode()}")
        # Another program may take a port between its reservation and listening on it.
        for _ in range(5):
            self.port: int = free_port()
            if self._started(folder):
                return
        raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text()}")

    @property
    def url(self) -> str:
        return f"postgres://acp@127.0.0.1:{self.port}/postgres"

    def sql(self, statement: str) -> str:
        """Returns the output of psql for a statement."""
        command = [program("psql"), "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
        done = subprocess.run(
            [*command, "--command", statement, self.url], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.strip()

    def freeze(self) -> None:
        """Stops the process: connections remain open, and no responses are sent."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        self._folder.cleanup()

    def _started(self, folder: Path) -> bool:
        options = ["-D", str(self._data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(folder)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [program("postgres"), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                # Its processes are a group of their own, to be stopped together.
                start_new_session=True,
                **self._user,
            )
        end = time.monotonic() + START_DEADLINE
        ready = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while self._process.poll() is None and time.monotonic() < end:
            if subprocess.run(ready).returncode == 0:
                return True
            time.sleep(0.05)
        self._process.kill()
        self._process.wait()
        return False
