# SPDX-License-Identifier: Apache-2.0
"""Prints how many machines given rates of runs need, and what gives out first."""

import argparse
import math
import re
import sys
from dataclasses import dataclass, field

import costs
from costs import CostError, Costs

MOST_PROCESSES = 1_000
MOST_SHARDS = 1_000

BODIES_MEBIBYTES = 192
"""What a process may use for large requests and responses, see docs/deployment.md."""


@dataclass(frozen=True)
class Load:
    """What the callers do."""

    runs: float
    """Runs per second."""
    events: float
    """Parts that a run sends."""
    event_bytes: float
    followers: float
    """Clients of each run that stream it from the process that executes it."""
    other_followers: float
    """Clients of each run that follow it through any process."""
    awaiting: float
    """Runs that await an answer at the same time."""
    duration: float
    """How long a run is active, in seconds."""
    retention: float
    """How long a run is kept, in seconds."""
    is_fast: bool = False
    """Whether agents are faster than the storage, so that parts share commits."""

    @property
    def active(self) -> float:
        return self.runs * self.duration


@dataclass(frozen=True)
class Site:
    """The machines. The share of each that may be used is that of `target`."""

    cores: float
    """Of a machine with one server process."""
    memory: float
    """GiB of such a machine."""
    storage_cores: float
    """Of the machine of PostgreSQL. Redis uses one for commands."""
    storage_memory: float
    """GiB: memory of Redis, or of each master; disk of PostgreSQL and SQLite."""
    storage_transactions: float | None
    """Transactions that PostgreSQL writes per second. If it is not known, they are no limit."""
    target: float
    processes: int | None = None
    shards: int | None = None
    active_runs: int = 1_000
    """That a process executes at the same time."""
    connections: int = 900
    """That a process accepts."""


@dataclass(frozen=True)
class Resource:
    """Something that is used up."""

    name: str
    need: float
    capacity: float
    unit: str

    @property
    def share(self) -> float:
        return self.need / self.capacity if self.capacity else math.inf


@dataclass
class Plan:
    """What the load needs."""

    processes: int
    shards: int
    resources: list[Resource]
    commands: float
    """Commands of the storage per second."""
    written: float
    read: float
    kept: float
    """Bytes in the storage."""
    remarks: list[str] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        return all(resource.share <= 1 for resource in self.resources)

    @property
    def first(self) -> Resource:
        """What gives out first if all rates grow alike."""
        return max(self.resources, key=lambda resource: resource.share)


def plan(backend: str, cost: Costs, load: Load, site: Site) -> Plan:
    """The smallest number of processes and shards, unless they are given, and what they leave."""
    processes = site.processes or (2 if backend in costs.SHARED else 1)
    shards = site.shards or 1
    while True:
        result = _evaluate(backend, cost, load, site, processes, shards)
        server_is_full = any(r.share > 1 for r in result.resources if r.name.startswith("server"))
        storage_is_full = any(r.share > 1 for r in result.resources if not r.name.startswith("server"))
        grows = False
        if server_is_full and site.processes is None and backend in costs.SHARED and processes < MOST_PROCESSES:
            processes, grows = processes + 1, True
        if storage_is_full and site.shards is None and backend == "cluster" and shards < MOST_SHARDS:
            # More masters do not help where one of them gets the same share of all commands in any case.
            more = _evaluate(backend, cost, load, site, processes, shards + 1)
            if more.first.share < result.first.share or server_is_full:
                shards, grows = shards + 1, True
        if not grows:
            return _remarks(backend, load, site, result)


def _evaluate(backend: str, cost: Costs, load: Load, site: Site, processes: int, shards: int) -> Plan:
    event = cost.gathered if load.is_fast else cost.event
    # A run of the table sends one part.
    more_events = max(0.0, load.events - 1)
    more_bytes = load.events * (load.event_bytes - costs.MEASURED_BYTES)
    remote_share = (processes - 1) / processes
    deliveries = load.runs * load.events
    remote = deliveries * load.other_followers * remote_share
    local = deliveries * (load.followers + load.other_followers * (1 - remote_share))

    def rate(name: str) -> float:
        """What all runs use per second."""
        of_run = getattr(cost.run, name) + more_events * getattr(event, name)
        return load.runs * of_run + remote * getattr(cost.remote_delivery, name)

    server = (rate("server") + local * cost.local_delivery) / 1e6
    idle = processes * cost.idle_commands + (load.active + load.awaiting) * cost.unfinished_commands
    storage = rate("storage") / 1e6
    if rate("commands"):
        storage *= 1 + idle / rate("commands")
    written = max(0.0, rate("written") + load.runs * more_bytes * cost.byte_written)
    kept_by_run = cost.run.kept + more_events * event.kept + more_bytes * cost.byte_kept
    kept = max(0.0, load.runs * load.retention * kept_by_run + load.awaiting * cost.awaiting_kept)

    streams = load.active * (load.followers + load.other_followers)
    waiting = (
        load.active * cost.active_kibibytes
        + load.awaiting * cost.awaiting_kibibytes
        + streams * cost.follower_kibibytes
    )  # fmt: skip
    memory = cost.idle_mebibytes + BODIES_MEBIBYTES + waiting / 1_024 / processes
    if backend == "memory":
        memory += kept / 2**20
    resources = [
        Resource("server processors", server / processes, site.cores * site.target, "cores each"),
        Resource("server memory", memory / 1_024, site.memory * site.target, "GiB each"),
        Resource("server runs", load.active / processes, site.active_runs * site.target, "active each (--max-runs)"),
        Resource(
            "server streams", streams / processes, site.connections * site.target, "connections each (--max-connections)"
        ),
    ]
    space = kept / 2**30
    if backend in ("redis", "cluster"):
        undivided = cost.undivided / cost.run.commands if cost.run.commands else 0
        fixed = load.runs * cost.run.storage / 1e6 * undivided if shards > 1 else 0
        busiest = fixed + (storage - fixed) / shards
        name = "processor of the busiest master" if backend == "cluster" else "processor of Redis"
        resources.append(Resource(name, busiest, site.target, "cores"))
        resources.append(Resource("memory of Redis", space / shards, site.storage_memory * site.target, "GiB each"))
    elif backend == "postgres":
        resources.append(Resource("processors of PostgreSQL", storage, site.storage_cores * site.target, "cores"))
        resources.append(Resource("disk of PostgreSQL", space, site.storage_memory * site.target, "GiB"))
        if site.storage_transactions is not None:
            capacity = site.storage_transactions * site.target
            resources.append(Resource("transactions of PostgreSQL", rate("transactions"), capacity, "per second"))
    elif backend == "sqlite":
        resources.append(Resource("disk of SQLite", space, site.storage_memory * site.target, "GiB"))
    return Plan(processes, shards, resources, rate("commands") + idle, written, rate("read"), kept)


def _remarks(backend: str, load: Load, site: Site, result: Plan) -> Plan:
    if not result.fits:
        result.remarks.append(f"This does not fit: {result.first.name} would be used at {result.first.share:.0%}.")
        if backend in ("memory", "sqlite"):
            result.remarks.append("This storage belongs to one process. Use redis, cluster or postgres.")
        elif backend == "redis":
            result.remarks.append("Use cluster, which divides keys among masters.")
        elif backend == "cluster" and site.shards is None and "busiest" in result.first.name:
            result.remarks.append("More masters do not help: one of them gets the commands of lists that all runs share.")
    if backend == "postgres" and site.storage_transactions is None:
        result.remarks.append(
            "Transactions of PostgreSQL are not counted as a limit: name what 'pgbench -c 64' does on its machine with "
            "--storage-transactions."
        )
    if load.is_fast:
        result.remarks.append("Parts are taken to share commits. If agents send them slowly, omit --fast.")
    return result


def report(backend: str, load: Load, site: Site, result: Plan) -> str:
    """The plan as text."""
    machines = f"{result.processes} of {site.cores:g} cores and {site.memory:g} GiB, one process each"
    storage = {"redis": "one Redis", "cluster": f"{result.shards} masters", "postgres": "one PostgreSQL"}
    lines = [
        f"{load.runs:,.4g} runs/s, {load.runs * load.events:,.6g} parts/s, {load.active:,.6g} active at once",
        f"server:  {machines}",
        f"storage: {storage.get(backend, costs.TITLES[backend] + ' in the process')}",
    ]
    if result.commands:
        lines.append(f"         {result.commands:,.0f} commands/s")
    if result.written or result.read:
        lines.append(f"         {size(result.written)}/s written, {size(result.read)}/s read")
    lines += [f"         {size(result.kept)} kept", "", f"of what may be used ({site.target:.0%} of each):"]
    width = max(len(resource.name) for resource in result.resources)
    for entry in sorted(result.resources, key=lambda entry: -entry.share):
        need = f"{entry.need:,.2f} of {entry.capacity:,.2f} {entry.unit}"
        lines.append(f"  {entry.name:{width}}  {entry.share:>6.0%}  {need}")
    factor = f"at {1 / result.first.share:.2g} times these rates" if result.first.share else "never"
    lines += ["", f"gives out first: {result.first.name}, {factor}"]
    return "\n".join([*lines, *result.remarks])


def size(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1_024:
            return f"{count:,.3g} {unit}" if count < 100 else f"{count:,.0f} {unit}"
        count /= 1_024
    return f"{count:,.1f} TiB"


_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds(text: str) -> float:
    """The seconds in a text such as 90, 15m, 24h or 7d."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 90, 15m, 24h or 7d")
    return float(found[1]) * _SECONDS[found[2]]


def amount(text: str) -> float:
    """A number that is not negative."""
    try:
        value = float(text.replace(",", "").replace("_", ""))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return value


def positive(text: str) -> float:
    """A number above 0."""
    value = amount(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def count(text: str) -> int:
    """A whole number from 1 on."""
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 999999")
    return int(text)


def share(text: str) -> float:
    """A number above 0 and up to 1."""
    value = positive(text)
    if value > 1:
        raise argparse.ArgumentTypeError("must be at most 1")
    return value


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/capacity", description=__doc__,
        epilog="The costs are those of docs/scaling.md, measured with agents that do almost nothing. Add what yours do. "
        "The exit status is 1 if the load does not fit.",
    )  # fmt: skip
    parser.add_argument("--backend", required=True, choices=costs.TITLES, help="the storage")
    load = parser.add_argument_group("load")
    load.add_argument("--runs", type=positive, required=True, metavar="N", help="runs started per second")
    load.add_argument("--events", type=amount, default=1, metavar="N", help="parts that a run sends (default: 1)")
    load.add_argument("--event-bytes", type=amount, default=50, metavar="N", help="bytes of a part (default: 50)")
    load.add_argument(
        "--followers", type=amount, default=0, metavar="N",
        help="clients of each run that stream it from the process that executes it, such as the one that started it "
        "(default: 0)",
    )  # fmt: skip
    load.add_argument(
        "--other-followers", type=amount, default=0, metavar="N",
        help="clients of each run that follow it through any process (default: 0)",
    )  # fmt: skip
    load.add_argument("--awaiting", type=amount, default=0, metavar="N", help="runs that await an answer (default: 0)")
    load.add_argument("--duration", type=seconds, default=1, metavar="TIME", help="how long a run is active (default: 1s)")
    load.add_argument("--retention", type=seconds, default=86_400, metavar="TIME", help="how long it is kept (default: 24h)")
    load.add_argument("--fast", action="store_true", help="agents send parts faster than the storage commits them")
    site = parser.add_argument_group("machines")
    site.add_argument("--cores", type=positive, default=2, metavar="N", help="of a server's machine (default: 2)")
    site.add_argument("--memory", type=positive, default=4, metavar="GIB", help="of a server's machine (default: 4)")
    site.add_argument(
        "--max-runs", type=count, default=1_000, metavar="N", help="active runs of a process, as of acp serve (default: 1000)"
    )
    site.add_argument(
        "--max-connections", type=count, default=900, metavar="N", help="of a process, likewise (default: 900)"
    )
    site.add_argument("--processes", type=count, metavar="N", help="server processes (default: as many as are needed)")
    site.add_argument("--shards", type=count, metavar="N", help="masters of a cluster (default: as many as are needed)")
    site.add_argument("--storage-cores", type=positive, default=4, metavar="N", help="of PostgreSQL (default: 4)")
    site.add_argument(
        "--storage-memory", type=positive, metavar="GIB",
        help="memory of Redis or of each master (default: 16), or disk of PostgreSQL or SQLite (default: 500)",
    )  # fmt: skip
    site.add_argument("--storage-transactions", type=positive, metavar="N", help="that PostgreSQL writes per second")
    site.add_argument("--target", type=share, default=0.6, metavar="SHARE", help="to be used of each (default: 0.6)")
    return parser


def main(words: list[str] | None = None) -> int:
    parser = arguments()
    options = parser.parse_args(words)
    if options.shards and options.backend != "cluster":
        parser.error("--shards belongs to --backend cluster")
    if options.storage_transactions and options.backend != "postgres":
        parser.error("--storage-transactions belongs to --backend postgres")
    if (options.processes or 1) > 1 and options.backend not in costs.SHARED:
        parser.error(f"--backend {options.backend} is used by one process only")
    try:
        cost = costs.read(options.backend)
    except CostError as error:
        print(f"capacity: {error}", file=sys.stderr)
        return 2
    load = Load(
        options.runs, options.events, options.event_bytes, options.followers, options.other_followers, options.awaiting,
        options.duration, options.retention, options.fast,
    )  # fmt: skip
    is_disk = options.backend in ("postgres", "sqlite")
    site = Site(
        options.cores, options.memory, options.storage_cores, options.storage_memory or (500 if is_disk else 16),
        options.storage_transactions, options.target, options.processes, options.shards, options.max_runs,
        options.max_connections,
    )  # fmt: skip
    result = plan(options.backend, cost, load, site)
    print(report(options.backend, load, site, result))
    return 0 if result.fits else 1


if __name__ == "__main__":
    sys.exit(main())
