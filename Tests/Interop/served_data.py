# SPDX-License-Identifier: Apache-2.0
"""What a tool of some version leaves in a storage when it is killed: written into files, and loaded from them again.

    .venv-interop/bin/python Tests/Interop/served_data.py PROGRAM

writes the files of Tests/StoredData/served-1 with the tool of an earlier version.
"""

import json
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import redis
from calls import resume_request, run_request
from postgres_process import PostgresProcess, program
from redis_process import RedisProcess
from server_process import ServerProcess
from specification import ROOT

FOLDER = ROOT / "Tests" / "StoredData" / "served-1"
STORAGES = ("redis", "postgres", "sqlite")
OPTIONS = ("--session-runs", "queue", "--inline-limit", "256")
"""Contents of more than 256 bytes are stored separately."""

TALK, QUEUE, COUNT = (f"0000000{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))
"""Sessions: one with a history, one whose second run waits for its turn, one with a state."""

WORDS = " ".join(f"word{index}" for index in range(20))
LONG = "All happy families are alike. " * 10


class Data:
    """A storage that no other process uses."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._folder = tempfile.TemporaryDirectory(prefix="served-")
        self._file = Path(self._folder.name) / "runs.sqlite"
        self._server = {"redis": RedisProcess, "postgres": PostgresProcess}.get(kind, lambda: None)()

    @property
    def url(self) -> str:
        return self._server.url if self._server else f"sqlite:{self._file}"

    def dump(self) -> str:
        match self.kind:
            case "redis":
                return "".join(f"{json.dumps(words)}\n" for words in _commands(self._redis()))
            case "postgres":
                command = [program("pg_dump"), "--schema=public", "--no-owner", self.url]
                text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                # A random key of each dump, which older versions of psql do not understand.
                return re.sub(r"^\\(un)?restrict .*\n", "", text, flags=re.MULTILINE)
            case _:
                with sqlite3.connect(self._file) as database:
                    return "\n".join(database.iterdump()) + "\n"

    def load(self, text: str) -> None:
        match self.kind:
            case "redis":
                client = self._redis()
                for line in text.splitlines():
                    words = [word.encode("latin-1") for word in json.loads(line)]
                    client.execute_command(*words)
                    # Longer than any test takes; times to live are not part of the file.
                    client.expire(words[1], 86_400)
            case "postgres":
                command = [program("psql"), "--quiet", "--set=ON_ERROR_STOP=1", self.url]
                script = f"DROP SCHEMA public;\n{text}"
                subprocess.run(command, input=script, stdout=subprocess.DEVNULL, text=True, check=True)
            case _:
                with sqlite3.connect(self._file) as database:
                    database.executescript(text)

    def stop(self) -> None:
        if self._server:
            self._server.stop()
        self._folder.cleanup()

    def _redis(self) -> Any:
        return redis.Redis.from_url(self.url)


def _commands(client: Any) -> Iterator[list[str]]:
    """The commands that create all keys. Bytes are characters of the same number."""
    for key in sorted(client.keys()):
        # The heartbeat of a process, which has expired when the data are read again.
        if key.startswith(b"acp:process:"):
            continue
        match client.type(key):
            case b"string":
                words = [b"SET", key, client.get(key)]
            case b"list":
                words = [b"RPUSH", key, *client.lrange(key, 0, -1)]
            case b"hash":
                words = [b"HSET", key, *(word for pair in sorted(client.hgetall(key).items()) for word in pair)]
            case b"set":
                words = [b"SADD", key, *sorted(client.smembers(key))]
            case b"zset":
                pairs = client.zrange(key, 0, -1, withscores=True)
                words = [b"ZADD", key, *(word for name, score in pairs for word in (b"%d" % score, name))]
            case kind:
                raise ValueError(f"{key} is a {kind}")
        yield [word.decode("latin-1") for word in words]


def write(tool: Path, kind: str) -> tuple[str, dict[str, Any]]:
    """Lets a tool serve some runs, kills it, and returns the data, and what it has told its callers."""
    data = Data(kind)
    server = ServerProcess("--storage", data.url, *OPTIONS, program=tool)
    with httpx.Client(base_url=server.url, timeout=60) as http:

        def post(path: str, body: Any) -> Any:
            response = http.post(path, json=body)
            assert response.status_code in (200, 202), response.text
            return response.json()

        def run(agent: str, text: str = "hi", mode: str = "sync", **fields: Any) -> str:
            return post("/runs", run_request(agent, text, mode=mode, **fields))["run_id"]

        for text in ("one", LONG):
            run("recall", text, session_id=TALK)
        for _ in range(3):
            run("counter", session_id=COUNT)
        for agent in ("greeter", "failer", "artist", "questioner"):
            last = run(agent, "Ada")
        post(f"/runs/{last}/cancel", {})
        asking = [run("interviewer") for _ in range(2)]
        post(f"/runs/{asking[1]}", resume_request("Ada"))
        first = run("questioner", session_id=QUEUE)
        queued = run("echo", "after the question", mode="async", session_id=QUEUE)
        slow, ticking = run("slow", WORDS, mode="async"), run("ticker", "600", mode="async")
        for run_id in (slow, ticking):
            while str(http.get(f"/runs/{run_id}/events").json()).count("message.part") < 3:
                pass
        told = {"asking": asking, "first": first, "queued": queued, "slow": slow, "ticking": ticking, "kind": kind}
        runs = http.get("/runs", params={"limit": 100}).json()["runs"]
        told["runs"] = {one["run_id"]: http.get(f"/runs/{one['run_id']}").json() for one in runs}
        told["events"] = {run_id: http.get(f"/runs/{run_id}/events").json()["events"] for run_id in told["runs"]}
    server.kill()
    text = data.dump()
    data.stop()
    return text, told


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for kind in STORAGES:
        text, told = write(Path(sys.argv[1]).resolve(), kind)
        (FOLDER / f"{kind}.{'jsonl' if kind == 'redis' else 'sql'}").write_text(text, encoding="utf-8")
        (FOLDER / f"{kind}.json").write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
