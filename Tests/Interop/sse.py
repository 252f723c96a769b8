# SPDX-License-Identifier: Apache-2.0
"""Event streams as raw text."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ServerEvent:
    """One block of an event stream: its fields by name, as sent."""

    fields: dict[str, str]

    @property
    def id(self) -> str | None:
        return self.fields.get("id")

    @property
    def json(self) -> Any:
        return json.loads(self.fields["data"])


def parse(text: str) -> list[ServerEvent]:
    """Returns the complete events of a stream, without comments and an unfinished last block."""
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n")[:-1]:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            if not line or line.startswith(":"):
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name in fields else value
        if fields:
            events.append(ServerEvent(fields))
    return events
