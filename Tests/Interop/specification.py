# SPDX-License-Identifier: Apache-2.0
"""Validates responses against docs/openapi.yaml."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import sse
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "patch")
BASE = "urn:acp:openapi"


@dataclass(frozen=True)
class Operation:
    """A method on a path of the document."""

    id: str
    method: str
    template: str
    pointer: str
    definition: dict[str, Any] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Exchange:
    """The subject of a validation: an operation, its status and media type in the document."""

    operation: str
    status: str
    media_type: str | None


class Specification:
    """Finds the operation of a request and validates the response."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        resource = Resource(contents=document, specification=DRAFT202012)
        self._registry = Registry().with_resource(BASE, resource)
        self._validators: dict[str, Draft202012Validator] = {}
        self.operations = [
            Operation(
                id=definition["operationId"],
                method=method.upper(),
                template=template,
                pointer=f"/paths/{_escaped(template)}/{method}",
                definition=definition,
            )
            for template, item in document["paths"].items()
            for method, definition in item.items()
            if method in METHODS
        ]

    @classmethod
    def load(cls) -> "Specification":
        return cls(yaml.safe_load(DOCUMENT.read_text(encoding="utf-8")))

    def operation(self, method: str, path: str) -> Operation | None:
        """Returns the operation of a request. Of several templates, that with the fewest parameters applies."""
        matching = [
            operation
            for operation in self.operations
            if operation.method == method.upper() and _matches(operation.template, path)
        ]
        return min(matching, key=lambda operation: operation.template.count("{"), default=None)

    def exchanges(self) -> Iterator[Exchange]:
        """Returns each documented operation with each of its statuses and media types."""
        for operation in self.operations:
            for status, response in operation.definition["responses"].items():
                content = self._resolved(response).get("content")
                for media_type in content or [None]:
                    yield Exchange(operation.id, status, media_type)

    def judge(
        self, method: str, path: str, status: int, headers: dict[str, str], body: bytes, *, complete: bool = True
    ) -> tuple[Exchange | None, list[str]]:
        """Returns the documented operation of a response, and all its violations.

        A body that is not `complete`, because the client went away, is checked as far as it can be.
        """
        operation = self.operation(method, path)
        if operation is None:
            if status in (404, 405):
                return None, self.violations("/components/schemas/Error", _json(body))
            return None, [f"the document has no {method} {path}, answered with {status}"]
        where = f"{operation.id} {status}"
        responses = operation.definition["responses"]
        key = str(status) if str(status) in responses else "default"
        if key == "default" and not 400 <= status < 500:
            return None, [f"{where}: the document does not have this status"]
        response, pointer = self._followed(responses[key], f"{operation.pointer}/responses/{key}")

        found = [
            f"{where}: header {name}: {problem}"
            for name, problem in self._header_problems(response, pointer, headers)
        ]
        content = response.get("content")
        if content is None:
            if body:
                found.append(f"{where}: a body where none belongs: {body[:80]!r}")
            return Exchange(operation.id, key, None), found

        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in content:
            return None, [*found, f"{where}: content type {media_type!r} is none of {', '.join(content)}"]
        schema = f"{pointer}/content/{_escaped(media_type)}/schema"
        if media_type == "text/event-stream":
            found += [f"{where}: {problem}" for problem in self._stream_problems(schema, body)]
        elif media_type == "application/json" and complete:
            try:
                value = _json(body)
            except ValueError as error:
                found.append(f"{where}: not JSON: {error}")
            else:
                if "schema" in content[media_type]:
                    found += [f"{where}: {problem}" for problem in self.violations(schema, value)]
        return Exchange(operation.id, key, media_type), found

    def violations(self, pointer: str, value: Any) -> list[str]:
        """Returns the violations of a schema in the document."""
        if pointer not in self._validators:
            self._validators[pointer] = Draft202012Validator(
                {"$ref": f"{BASE}#{pointer}"},
                registry=self._registry,
                format_checker=Draft202012Validator.FORMAT_CHECKER,
            )
        return [
            f"{error.json_path}: {error.message[:400]}" for error in self._validators[pointer].iter_errors(value)
        ]

    def _stream_problems(self, schema: str, body: bytes) -> Iterator[str]:
        for event in sse.parse(body.decode("utf-8")):
            if set(event.fields) - {"id", "data", "retry"}:
                yield f"fields {sorted(event.fields)} in an event stream"
            if event.id is not None and not re.fullmatch("[0-9]+", event.id):
                yield f"id {event.id!r} is not an index"
            if "data" not in event.fields:
                continue
            for problem in self.violations(schema, event.json):
                yield f"event {event.id or ''}: {problem}"

    def _header_problems(
        self, response: dict[str, Any], pointer: str, headers: dict[str, str]
    ) -> Iterator[tuple[str, str]]:
        for name, definition in response.get("headers", {}).items():
            header, place = self._followed(definition, f"{pointer}/headers/{_escaped(name)}")
            value: Any = headers.get(name.lower())
            if value is None:
                if header.get("required"):
                    yield name, "missing"
                continue
            if header["schema"].get("type") == "integer" and re.fullmatch("[0-9]+", value):
                value = int(value)
            for problem in self.violations(f"{place}/schema", value):
                yield name, problem

    def _followed(self, value: dict[str, Any], pointer: str) -> tuple[dict[str, Any], str]:
        if "$ref" not in value:
            return value, pointer
        target = value["$ref"].removeprefix("#")
        found: Any = self.document
        for step in target.removeprefix("/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        return found, target

    def _resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        return self._followed(value, "")[0]


def _matches(template: str, path: str) -> bool:
    expected, actual = template.split("/"), path.split("/")
    return len(expected) == len(actual) and all(
        unquote(found) == step or (step.startswith("{") and found != "")
        for step, found in zip(expected, actual, strict=True)
    )


def _escaped(step: str) -> str:
    # A step of a JSON pointer inside a URI fragment.
    return step.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D").replace("*", "%2A")


def _json(body: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(body.decode("utf-8"), parse_constant=refuse)
