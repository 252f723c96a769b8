# SPDX-License-Identifier: Apache-2.0
"""Corrects generated requests where docs/openapi.yaml cannot express what the server requires.

JSON Schema cannot relate two members of a request. Valid values are only replaced by other valid ones, so that requests that
are meant to be rejected remain so. The suite in Tests/Interop tests the rules themselves.
"""

import re
import zlib
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import schemathesis
from schemathesis.core.failures import Failure
from specification import Specification

SPECIFICATION = Specification.load()

AGENTS = ("echo", "greeter", "counter", "questioner", "artist", "failer", "recall")
"""Example agents that end, or ask, at once. Among random names there would be none that exists."""

AGENT_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
SESSION_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
STATUSES = ("created", "in-progress", "awaiting", "cancelling")

used_keys: set[str] = set()


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 36 and bool(UUID(value))
    except ValueError:
        return False


def is_index(value: Any) -> bool:
    return re.fullmatch(r"[0-9]{1,19}", str(value)) is not None and int(value) < 2**63 - 1


@schemathesis.check
def conforms_to_document(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """The validator of Tests/Interop, which knows that the schema of a text/event-stream is that of its events' data."""
    headers = {name.lower(): values[0] for name, values in response.headers.items()}
    path = urlsplit(response.request.url).path
    method = response.request.method or case.method
    if method.upper() == "OPTIONS":
        # Not an operation of the document: it describes this for all paths at its beginning.
        assert response.status_code == 204 and "allow" in headers, "OPTIONS does not return 204 with Allow"
        return
    _, problems = SPECIFICATION.judge(method, path, response.status_code, headers, response.content)
    assert not problems, "\n".join(problems)


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    # OpenAPI 3.1 leaves open what the schema of a text/event-stream describes. Schemathesis takes it for the fields `data`,
    # `event` and `id` of each event, the protocol's own document for their data: `conforms_to_document` checks those.
    content_type = response.headers.get("content-type", [""])[0]
    if content_type.startswith("text/event-stream") and failure.title.startswith("SSE event violates schema"):
        return False
    # These servers do not sign URLs, and ignore what would be parts of a signature.
    return not (failure.code == "ST201" and re.search("parameter `(expires|signature)` in query", failure.message))


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    match case.operation.definition.raw.get("operationId") if case.operation.method == case.method.lower() else None:
        case "listRuns":
            use_one_filter(case.query)
        case "createRun":
            use_key_once(case.headers)
            if isinstance(case.body, dict):
                use_existing_agent(case.body)
                use_one_session(case.body)
        case "listRunEvents" if not is_index(case.headers.get("Last-Event-ID", "0")):
            # Only a stream has a position.
            case.headers["Accept"] = "text/event-stream"
        case "resumeRun" if isinstance(case.body, dict):
            run = case.path_parameters.get("run_id")
            if is_uuid(case.body.get("run_id")) and is_uuid(run):
                case.body["run_id"] = run


def use_key_once(headers: dict[str, Any]) -> None:
    """A key that was used for another request is rejected."""
    key = headers.get("Idempotency-Key")
    if isinstance(key, str) and 1 <= len(key) <= 200:
        if key in used_keys:
            headers["Idempotency-Key"] = f"{key}-{len(used_keys)}"
        used_keys.add(headers["Idempotency-Key"])


def use_one_filter(query: dict[str, Any]) -> None:
    """Filters of a list exclude each other."""
    present = [name for name in ("agent_name", "session_id", "status") if name in query]
    is_valid = {
        "agent_name": lambda value: matches(AGENT_NAME, value),
        "session_id": lambda value: matches(SESSION_ID, value),
        "status": lambda value: value in STATUSES,
    }
    if all(is_valid[name](query[name]) for name in present):
        for name in present[1:]:
            del query[name]


def use_existing_agent(body: dict[str, Any]) -> None:
    """Three of four valid names become one of an example agent."""
    name = body.get("agent_name")
    if matches(AGENT_NAME, name) and name not in AGENTS:
        number = zlib.crc32(name.encode())
        if number % 4:
            body["agent_name"] = AGENTS[number // 4 % len(AGENTS)]


def use_one_session(body: dict[str, Any]) -> None:
    """`session_id` and the id of `session` must be equal."""
    session = body.get("session")
    if isinstance(session, dict) and matches(SESSION_ID, session.get("id")) and matches(SESSION_ID, body.get("session_id")):
        body["session_id"] = session["id"]
