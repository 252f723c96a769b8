# SPDX-License-Identifier: Apache-2.0
"""Starts the reference implementation of the protocol on a free port."""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START_DEADLINE = 60.0
ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+")


class ReferenceProcess:
    """A running reference server. Its output goes to a file, so that it never blocks."""

    def __init__(self) -> None:
        self._log = tempfile.NamedTemporaryFile(prefix="reference-", suffix=".log")
        program = Path(__file__).with_name("reference_server.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )
        end = time.monotonic() + START_DEADLINE
        while not (found := ADDRESS.search(self.log())):
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"the reference server said no address; its output:\n{self.log().decode()}")
            time.sleep(0.05)
        self.url = found.group(0).decode()

    def log(self) -> bytes:
        return Path(self._log.name).read_bytes()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
