# SPDX-License-Identifier: Apache-2.0
"""The server under test and its clients.

ACP_URL names a running server. Without it the suite starts the tool that ACP_BIN names, .build/debug/acp by default.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
from acp_sdk.client import Client
from recording import Record, RecordingTransport
from server_process import ServerProcess, binary
from specification import Specification

TIMEOUT = httpx.Timeout(60.0)

# It requires the tool of an earlier version, which scripts/test-upgrade builds.
collect_ignore = [] if os.environ.get("ACP_OLD_BIN") else ["test_upgrade.py"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def specification() -> Specification:
    return Specification.load()


@pytest.fixture(scope="session")
def session_record(specification: Specification) -> Record:
    return Record(specification)


@pytest.fixture
def record(session_record: Record) -> Iterator[Record]:
    """Validates every response that a test receives through `acp` or `http` against docs/openapi.yaml."""
    session_record.violations.clear()
    yield session_record
    assert not session_record.violations, "answers that docs/openapi.yaml does not allow:\n" + "\n".join(
        session_record.violations
    )


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """The URL of the server under test."""
    if address := os.environ.get("ACP_URL"):
        yield address.rstrip("/")
        return
    server = ServerProcess("--storage", "memory")
    yield server.url
    assert server.stop() == 0, f"the server did not end cleanly; its output:\n{server.log()}"


@pytest.fixture
async def acp(url: str, record: Record) -> AsyncIterator[Client]:
    """The published client."""
    async with Client(base_url=url, transport=RecordingTransport(record), timeout=TIMEOUT) as client:
        yield client


@pytest.fixture
async def http(url: str, record: Record) -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client."""
    async with httpx.AsyncClient(base_url=url, transport=RecordingTransport(record), timeout=TIMEOUT) as client:
        yield client


@pytest.fixture
async def loader() -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client for URLs in responses of a server."""
    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        yield client


@pytest.fixture
def own_server() -> Iterator[Callable[..., ServerProcess]]:
    """Starts further servers with other options."""
    if os.environ.get("ACP_URL") and not binary().is_file():
        pytest.skip("ACP_URL is set and there is no tool to start another server with")
    servers: list[ServerProcess] = []

    def start(
        *options: str, environment: dict[str, str] | None = None, open_files: int | None = None
    ) -> ServerProcess:
        storage = () if "--storage" in options else ("--storage", "memory")
        servers.append(ServerProcess(*storage, *options, environment=environment, open_files=open_files))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Stores a figure of any test process, which is printed when all tests have run."""
    return lambda line: request.node.user_properties.append(("figure", line))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = [
        line
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, line in report.user_properties
        if name == "figure"
    ]
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starts the slowest tests first, so that they do not run last on a single worker.

    The tests of the document come last: where there is one worker, they look back on what all others have exercised.
    """
    items.sort(key=lambda item: (item.path.name != "test_processes_storm.py", item.path.name == "test_openapi.py"))
