# SPDX-License-Identifier: Apache-2.0
"""A random mix of requests, chosen by a seed, and what ends it: every question answered, everything read and deleted."""

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from clients import Endpoint
from history import OK, TERMINAL, UNKNOWN, Operation, Recorder

ACTIONS = {
    "steps": 26, "fragile": 7, "asker": 12, "state": 22, "a2a": 8, "sdk": 4, "answer": 14, "cancel": 6, "follow": 10,
    "read": 10, "history": 3, "delete": 4,
}  # fmt: skip
RETRIES = 6
STATE_CALLS = 30
"""How many operations the state of one session gets: the check of its order takes longer with each."""


@dataclass
class Known:
    """A run that clients know."""

    id: str
    agent: str
    tag: str
    is_asker: bool = False
    is_deleted: bool = False


@dataclass
class Register:
    """The state of one session, as its clients remember it."""

    session: str
    calls: int = 0
    values: list[str | None] = field(default_factory=lambda: [None])


class Workload:
    """Clients of all servers of a fleet."""

    def __init__(self, endpoints: list[Endpoint], recorder: Recorder, seed: int, name: str) -> None:
        self._endpoints = endpoints
        self._recorder = recorder
        self._seed = seed
        self.name = name
        self._counter = 0
        self.runs: list[Known] = []
        self.sessions: set[str] = set()
        self._shared = [str(uuid.uuid4()) for _ in range(3)]
        self._registers = [Register(str(uuid.uuid4())) for _ in range(3)]
        self._followers: set[asyncio.Task[None]] = set()
        self._following: dict[int, str] = {}

    async def run(self, clients: int, until: float) -> None:
        async with asyncio.TaskGroup() as group:
            for index in range(clients):
                group.create_task(self._client(random.Random(self._seed * 1_000 + index), until))

    async def _client(self, rng: random.Random, until: float) -> None:
        while self._recorder.now() < until:
            action = rng.choices(list(ACTIONS), list(ACTIONS.values()))[0]
            await self._perform(action, rng)
            await asyncio.sleep(rng.uniform(0, 0.15))

    def _endpoint(self, rng: random.Random) -> Endpoint:
        return rng.choice(self._endpoints)

    def tag(self) -> str:
        self._counter += 1
        return f"{self.name}{self._counter}"

    def _known(self, rng: random.Random) -> Known | None:
        """A run that clients know, one of the newest in most cases."""
        found = [run for run in self.runs[-40:] if not run.is_deleted]
        return rng.choice(found) if found else None

    async def _perform(self, action: str, rng: random.Random) -> None:
        match action:
            case "steps" | "fragile" | "asker":
                await self._create(rng, action)
            case "sdk":
                await self._create(rng, rng.choice(["steps", "fragile"]), protocol="acp-sdk")
            case "a2a":
                await self._create(rng, "steps", protocol="a2a")
            case "state":
                await self._change_state(rng)
            case "answer":
                await self._answer(rng)
            case "cancel":
                if run := self._known(rng):
                    await self._endpoint(rng).cancel(run.id)
            case "follow":
                if (run := self._known(rng)) and len(self._followers) < 16:
                    self._start_following(run.id, rng)
            case "read":
                await self._read(rng)
            case "history":
                await self._endpoint(rng).read_history(rng.choice(self._shared))
            case "delete":
                await self._delete(rng)

    # Creating

    def _order(self, rng: random.Random, agent: str, tag: str) -> dict[str, Any]:
        order: dict[str, Any] = {
            "tag": tag, "steps": rng.choice([0, 1, 2, 5, 12]), "pause": rng.choice([0, 0, 10, 60, 250]),
        }  # fmt: skip
        if rng.random() < 0.1:
            order |= {"size": rng.choice([300, 5_000, 120_000]), "steps": rng.randrange(1, 3)}
        if agent == "asker":
            order["questions"] = rng.randrange(1, 4)
        return order

    async def _create(self, rng: random.Random, agent: str, protocol: str = "acp") -> None:
        tag = self.tag()
        is_own = protocol == "a2a" or rng.random() < 0.5
        session = str(uuid.uuid4()) if is_own else rng.choice(self._shared)
        request: dict[str, Any] = {
            "agent": agent, "tag": tag, "order": self._order(rng, agent, tag), "protocol": protocol, "own": is_own,
            "session": session, "key": None,
            "mode": rng.choice(["sync", "async", "stream"] if protocol != "acp-sdk" else ["sync", "async"]),
        }  # fmt: skip
        if protocol == "acp-sdk":
            request |= {"session": None, "own": False}
        if protocol == "acp" and rng.random() < 0.5:
            request["key"] = f"key-{tag}-{uuid.uuid4()}"
        if session and protocol != "acp-sdk":
            self.sessions.add(session)
        await self._send(rng, request)

    async def _send(self, rng: random.Random, request: dict[str, Any]) -> Operation:
        """Sends a request. With a key it is repeated at another server while its outcome is in doubt, and sometimes twice
        at the same time."""
        attempts = [asyncio.create_task(self._attempt(rng, request, 0))]
        if request["key"] and rng.random() < 0.15:
            attempts.append(asyncio.create_task(self._attempt(rng, request, 1)))
        done = list(await asyncio.gather(*attempts))
        while request["key"] and all(one.outcome == UNKNOWN for one in done) and len(done) < RETRIES:
            await asyncio.sleep(rng.uniform(0, 0.5))
            done.append(await self._attempt(rng, request, len(done)))
        for operation in done:
            if id := operation.response.get("run_id"):
                self.runs.append(Known(id, request["agent"], request["tag"], request["agent"] == "asker"))
                if session := (operation.response.get("run") or {}).get("session_id"):
                    self.sessions.add(session)
                break
        return done[-1]

    async def _attempt(self, rng: random.Random, request: dict[str, Any], number: int) -> Operation:
        endpoint = self._endpoint(rng)
        return await endpoint.create(endpoint.begin("create", attempt=number, **request))

    async def _change_state(self, rng: random.Random) -> None:
        register = rng.choice(self._registers)
        # Some at the same time.
        count = rng.choice([1, 1, 3])
        await asyncio.gather(*(self._use(register, random.Random(rng.random())) for _ in range(count)))

    async def _use(self, register: Register, rng: random.Random) -> None:
        register.calls += 1
        if register.calls == STATE_CALLS:
            self._registers[self._registers.index(register)] = Register(str(uuid.uuid4()))
        self.sessions.add(register.session)
        if rng.random() < 0.25:
            operation = await self._endpoint(rng).read_state(register.session)
            if operation.outcome == OK:
                register.values.append(operation.response["state"])
            return
        tag = self.tag()
        kind = rng.choices(["set", "cas", "get"], [35, 45, 20])[0]
        order: dict[str, Any] = {"tag": tag, "operation": kind, "value": tag}
        if kind == "cas":
            order["expected"] = rng.choice(register.values[-3:])
        if rng.random() < 0.2:
            order["pause"] = rng.choice([20, 200])
        request = {
            "agent": "state", "tag": tag, "order": order, "protocol": "acp", "own": False, "session": register.session,
            "key": f"key-{tag}-{uuid.uuid4()}" if rng.random() < 0.5 else None,
            "mode": rng.choice(["sync", "sync", "async", "stream"]),
        }  # fmt: skip
        await self._send(rng, request)
        if kind != "get":
            register.values.append(tag)

    # Other requests

    async def _answer(self, rng: random.Random) -> None:
        askers = [run for run in self.runs[-60:] if run.is_asker and not run.is_deleted]
        if not askers:
            return await self._create(rng, "asker")
        run = rng.choice(askers)
        count = rng.choice([1, 1, 1, 2, 3])
        modes = ["sync", "async", "stream"]
        await asyncio.gather(
            *(self._endpoint(rng).answer(run.id, self.tag(), rng.choice(modes)) for _ in range(count)))

    async def _read(self, rng: random.Random) -> None:
        endpoint = self._endpoint(rng)
        run = self._known(rng)
        if run is None or rng.random() < 0.2:
            await endpoint.read_list()
        elif rng.random() < 0.2 and run.agent == "steps":
            await endpoint.read_task(run.id, run.agent)
        elif rng.random() < 0.5:
            await endpoint.read_run(run.id)
        else:
            await endpoint.read_events(run.id)

    async def _delete(self, rng: random.Random) -> None:
        run = self._known(rng)
        if run is None or len(self.runs) < 10:
            return
        endpoint = self._endpoint(rng)
        seen = await endpoint.read_run(run.id)
        if seen.outcome == OK and seen.response["run"]["status"] in TERMINAL:
            run.is_deleted = True
            await endpoint.delete_run(run.id)

    # Followers

    def _start_following(self, run: str, rng: random.Random) -> None:
        self._counter += 1
        number = self._counter
        task = asyncio.create_task(self._follow(run, number, random.Random(rng.random())))
        self._following[number] = run
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)
        task.add_done_callback(lambda _: self._following.pop(number, None))

    async def _follow(self, run: str, number: int, rng: random.Random) -> None:
        """Follows a run to its end, from one server to the next."""
        after = -1
        while True:
            operation = await self._endpoint(rng).follow(run, after, number)
            events = operation.response.get("events") or []
            if events:
                after = events[-1]["id"]
                if events[-1]["event"]["type"].removeprefix("run.") in TERMINAL:
                    return
            if operation.status == 404:
                return
            await asyncio.sleep(rng.uniform(0, 0.3))

    def followed(self) -> dict[int, str]:
        """The followers that have not seen the end of their run."""
        return dict(self._following)

    def stop_following(self) -> None:
        for number, run in self._following.items():
            self._recorder.end(self._recorder.begin("stuck", run=run, follower=number), OK)
        for task in self._followers:
            task.cancel()
