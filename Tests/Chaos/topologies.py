# SPDX-License-Identifier: Apache-2.0
"""Redis behind Sentinels and Redis Clusters, which fail over without losing what they have acknowledged.

Replication is asynchronous: a master that is simply killed loses acknowledged writes, and that is documented. To find other
faults, a master first accepts no more writes until its replica has all of them; then it fails.
"""

import asyncio
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import redis
from storages import Fault, RedisNode, Store, free_port, unexpected

DEADLINE = 60.0


async def until(condition, what: str, seconds: float = DEADLINE) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if await condition():
                return
        except redis.RedisError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError(f"{what} did not happen within {seconds:.0f} s")


async def role(node: RedisNode) -> str:
    return (await node.command("ROLE"))[0]  # type: ignore[index]


async def pause_writes(master: RedisNode, replica: RedisNode) -> None:
    """Stops the writes of a master until it fails, and waits until a replica has all of them."""
    await master.command("CLIENT", "PAUSE", 8_000, "WRITE")

    async def has_all() -> bool:
        sent = await asyncio.to_thread(master.client.info, "replication")
        got = await asyncio.to_thread(replica.client.info, "replication")
        return got.get("slave_repl_offset", -1) >= sent["master_repl_offset"]

    await until(has_all, "the replication of all writes")


class Nodes(Store):
    """What both topologies have in common: several nodes, of which some are masters."""

    nodes: list[RedisNode]

    async def stop(self) -> None:
        for node in self.nodes:
            node.process.end()
        self._folder.cleanup()

    async def _keys(self) -> set[str]:
        keys: set[str] = set()
        for node in self.nodes:
            if await role(node) == "master":
                keys |= set(await node.keys())
        return keys

    async def leftovers(self) -> list[str]:
        # Runs that a process did not finish creating are looked for until their time has come: `docs/redis-cluster.md`.
        found = [key for key in unexpected(sorted(await self._keys())) if not key.startswith("acp:runs_expiry:")]
        for node in self.nodes:
            if await role(node) == "master":
                found += await node.eternal_deletions()
        return found

    async def _disconnect(self, rng: random.Random) -> None:
        for _ in range(rng.randrange(1, 6)):
            await rng.choice(self.nodes).command("CLIENT", "KILL", "TYPE", rng.choice(["normal", "pubsub"]))
            await asyncio.sleep(rng.uniform(0, 0.5))

    async def _refuse(self, rng: random.Random) -> None:
        for count in (5, 0):
            for node in self.nodes:
                await node.command("CONFIG", "SET", "min-replicas-to-write", count)
            if count:
                await asyncio.sleep(rng.uniform(0.2, 3))

    async def _fill(self, rng: random.Random) -> None:
        masters = [node for node in self.nodes if await role(node) == "master"]
        node = rng.choice(masters)
        await node.command("CONFIG", "SET", "maxmemory", "1mb")
        await asyncio.sleep(rng.uniform(0.2, 3))
        await node.command("CONFIG", "SET", "maxmemory", "0")


class SentinelStore(Nodes):
    """A master with two replicas, and three Sentinels."""

    name = "sentinel"

    async def start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-sentinel-")
        folder = Path(self._folder.name)
        self.nodes = [RedisNode(folder)]
        await self.nodes[0].start()
        for _ in range(2):
            self.nodes.append(RedisNode(folder, "--replicaof", "127.0.0.1", str(self.nodes[0].port)))
            await self.nodes[-1].start()
        self.sentinels = []
        for _ in range(3):
            configuration = folder / f"sentinel-{len(self.sentinels)}.conf"
            configuration.write_text(
                f"sentinel monitor mymaster 127.0.0.1 {self.nodes[0].port} 2\n"
                "sentinel down-after-milliseconds mymaster 1500\nsentinel failover-timeout mymaster 6000\n")
            node = RedisNode(folder, sentinel=configuration)
            await node.start()
            self.sentinels.append(node)

        async def is_complete() -> bool:
            answer = str(await self.sentinels[0].command("SENTINEL", "CKQUORUM", "mymaster"))
            replicas = await self.sentinels[0].command("SENTINEL", "REPLICAS", "mymaster")
            return answer.startswith("OK 3") and len(replicas) == 2  # type: ignore[arg-type]

        await until(is_complete, "Sentinels finding each other")

    def url(self, port: int | None) -> str:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.sentinels)
        return f"redis+sentinel://{hosts}/mymaster"

    async def stop(self) -> None:
        for node in self.sentinels:
            node.process.end()
        await super().stop()

    def faults(self) -> dict[str, Fault]:
        return {
            "failover": self._fail_over,
            "storage-kill": self._kill,
            "storage-full": self._fill,
            "storage-readonly": self._refuse,
            "storage-disconnect": self._disconnect,
        }

    async def _master(self) -> RedisNode:
        address = await self.sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
        return next(node for node in self.nodes if str(node.port) == address[1])  # type: ignore[index]

    async def _paused(self) -> RedisNode:
        """The master, without writes that its replicas do not have."""
        master = await self._master()
        for replica in self.nodes:
            if replica is not master:
                await pause_writes(master, replica)
        return master

    async def _settled(self, former: RedisNode, seconds: float = DEADLINE) -> None:
        async def is_settled() -> bool:
            master = await self._master()
            if master is former:
                return False
            roles = [(await node.command("ROLE")) for node in self.nodes if node is not master]
            return all(one[0] == "slave" and one[3] == "connected" and str(one[2]) == str(master.port) for one in roles)

        await until(is_settled, "the failover", seconds)

    async def _fail_over(self, rng: random.Random) -> None:
        """A failover by order. A Sentinel that knows no replica which has replied lately gives it up, and does not try again."""
        for seconds in (20, 20, DEADLINE):
            master = await self._paused()
            try:
                await self.sentinels[0].command("SENTINEL", "FAILOVER", "mymaster")
                return await self._settled(master, seconds)
            except (RuntimeError, redis.RedisError):
                if seconds == DEADLINE:
                    raise

    async def _kill(self, rng: random.Random) -> None:
        master = await self._paused()
        master.process.end()

        async def has_moved() -> bool:
            return await self._master() is not master

        await until(has_moved, "the promotion of a replica")
        await asyncio.sleep(rng.uniform(0, 1))
        await master.start()
        await self._settled(master)


class ClusterStore(Nodes):
    """Three masters with a replica each."""

    name = "cluster"
    # Runs whose lists were not written are checked every 30 seconds.
    recovery = 40.0

    async def stored_runs(self) -> set[str]:
        prefix = "acp:run:{"
        return {key[len(prefix) : -1] for key in await self._keys() if key.startswith(prefix)}

    async def start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-cluster-")
        folder = Path(self._folder.name)
        self.nodes = []
        for _ in range(6):
            node = RedisNode(
                folder, "--cluster-enabled", "yes", "--cluster-node-timeout", "1500",
                "--cluster-require-full-coverage", "no", "--cluster-allow-replica-migration", "no",
                "--cluster-port", str(free_port()))  # fmt: skip
            await node.start()
            self.nodes.append(node)
        hosts = [f"127.0.0.1:{node.port}" for node in self.nodes]
        await self._cli("--cluster", "create", *hosts, "--cluster-replicas", "1", "--cluster-yes")
        await self._is_whole()

    async def _cli(self, *words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            "redis-cli", *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"redis-cli {' '.join(words)}: {output.decode()[-500:]}")

    async def _is_whole(self) -> None:
        async def is_whole() -> bool:
            for node in self.nodes:
                info = await asyncio.to_thread(node.client.execute_command, "CLUSTER INFO")
                text = info if isinstance(info, str) else "\n".join(f"{key}:{value}" for key, value in info.items())
                if "cluster_state:ok" not in text or "cluster_slots_ok:16384" not in text:
                    return False
            roles = [await node.command("ROLE") for node in self.nodes]
            replicas = [one for one in roles if one[0] == "slave"]  # type: ignore[index]
            return len(replicas) == 3 and all(one[3] == "connected" for one in replicas)  # type: ignore[index]

        await until(is_whole, "the cluster")

    def url(self, port: int | None) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:3])

    def faults(self) -> dict[str, Fault]:
        return {
            "failover": self._fail_over,
            "storage-kill": self._kill,
            "storage-stop": self._freeze,
            "reshard": self._reshard,
            "storage-full": self._fill,
            "storage-readonly": self._refuse,
            "storage-disconnect": self._disconnect,
        }

    async def _pair(self, rng: random.Random) -> tuple[RedisNode, RedisNode]:
        """A master and its replica."""
        pairs = []
        for node in self.nodes:
            found = await node.command("ROLE")
            if found[0] == "slave":  # type: ignore[index]
                pairs.append((next(one for one in self.nodes if one.port == int(found[2])), node))  # type: ignore[index]
        return rng.choice(pairs)

    async def _fail_over(self, rng: random.Random) -> None:
        _, replica = await self._pair(rng)
        asked = 0.0

        async def is_promoted() -> bool:
            nonlocal asked
            if await role(replica) == "master":
                return True
            if time.monotonic() - asked > 6:
                # The master waits until the replica has everything. The nodes give up after five seconds.
                asked = time.monotonic()
                await replica.command("CLUSTER", "FAILOVER")
            return False

        await until(is_promoted, "the failover")
        await self._is_whole()

    async def _kill(self, rng: random.Random) -> None:
        master, replica = await self._pair(rng)
        await pause_writes(master, replica)
        master.process.end()

        async def is_promoted() -> bool:
            return await role(replica) == "master"

        await until(is_promoted, "the promotion of a replica")
        await master.start()
        await self._is_whole()

    async def _freeze(self, rng: random.Random) -> None:
        """Suspends a replica: a node that does not reply when it is asked for the topology. A suspended master could
        acknowledge writes that it has not sent to its replica before that is promoted."""
        _, replica = await self._pair(rng)
        replica.process.send(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0.2, 6))
        replica.process.send(signal.SIGCONT)
        await self._is_whole()

    async def _reshard(self, rng: random.Random) -> None:
        masters = [node for node in self.nodes if await role(node) == "master"]
        source, target = rng.sample(masters, 2)
        ids = [str(await node.command("CLUSTER", "MYID")) for node in (source, target)]
        words = [
            "--cluster", "reshard", f"127.0.0.1:{source.port}", "--cluster-from", ids[0], "--cluster-to", ids[1],
            "--cluster-slots", str(rng.choice([20, 100, 300])), "--cluster-yes"]  # fmt: skip

        async def is_resharded() -> bool:
            try:
                await self._cli(*words)
            except RuntimeError as error:
                # Nodes that have just been slow know of earlier changes a moment later. Nothing was moved.
                if "fix your cluster problems before resharding" in str(error):
                    return False
                raise
            return True

        await until(is_resharded, "the resharding")
        await self._is_whole()


