"""The graph as the manifest gives it."""

import json
from dataclasses import dataclass, field

METHODS = {
    "MODEL": {"TRANSFORM_INPUT", "SEND_FEEDBACK"},
    "TRANSFORMER": {"TRANSFORM_INPUT"},
    "OUTPUT_TRANSFORMER": {"TRANSFORM_OUTPUT"},
    "ROUTER": {"ROUTE", "SEND_FEEDBACK"},
    "COMBINER": {"AGGREGATE"},
}


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    type: str
    methods: frozenset[str]
    children: "tuple[Node, ...]" = ()
    implementation: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    def walk(self) -> "tuple[Node, ...]":
        return (self, *(below for child in self.children for below in child.walk()))


def parse(text: str) -> Node:
    return _node(json.loads(text))


def _node(document: dict[str, object]) -> Node:
    children, parameters, listed = (document.get(key) or () for key in ("children", "parameters", "methods"))
    assert isinstance(children, list | tuple)
    assert isinstance(parameters, list | tuple)
    assert isinstance(listed, list | tuple)
    kind = str(document.get("type") or "")
    return Node(
        name=str(document["name"]),
        type=kind,
        methods=frozenset(METHODS.get(kind, set()) | set(listed)),
        children=tuple(map(_node, children)),
        implementation=str(document.get("implementation") or ""),
        parameters={entry["name"]: entry["value"] for entry in parameters},
    )
