# SPDX-License-Identifier: Apache-2.0
"""Symbol graphs: what the compiler tells DocC of a module. Links to symbols of other modules are completed in them."""

import json
import re
from pathlib import Path

_LINK = re.compile(r"``([A-Z]\w*)((?:[/.(][^`]*)?)``")


class SymbolIndex:
    """The types that the modules of the package declare."""

    def __init__(self, graphs: dict[str, Path]) -> None:
        """Reads the symbol graphs of modules, in an order in which each depends only on those before it."""
        self._order = list(graphs)
        self._owners: dict[str, str] = {}
        self._names: dict[str, set[str]] = {}
        for module, path in graphs.items():
            self._names[module] = set()
            for symbol in json.loads(path.read_text(encoding="utf-8"))["symbols"]:
                components = symbol["pathComponents"]
                self._names[module].update(components)
                if len(components) == 1:
                    self._owners.setdefault(components[0], module)

    def complete(self, text: str, module: str) -> str:
        """Text of a module in which links to symbols of other modules name the module.

        A module before it in the order is linked to. The name of a symbol of a later one becomes code without a link.
        """

        def change(match: re.Match[str]) -> str:
            position = self._order.index(module)
            if match[1] in self._order[:position] and match[1] not in self._owners:
                return f"``/{match[1]}{match[2]}``"
            owner = self._owners.get(match[1])
            if owner is None or match[1] in self._names[module]:
                return match[0]
            if self._order.index(owner) < position:
                return f"``/{owner}/{match[1]}{match[2]}``"
            return f"`{match[1]}{match[2].replace('/', '.')}`"

        return _LINK.sub(change, text)

    def complete_graph(self, path: Path, module: str) -> None:
        """Does the same with the documentation comments of a symbol graph."""
        graph = json.loads(path.read_text(encoding="utf-8"))
        for symbol in graph["symbols"]:
            for line in symbol.get("docComment", {}).get("lines", []):
                line["text"] = self.complete(line["text"], module)
        path.write_text(json.dumps(graph), encoding="utf-8")
