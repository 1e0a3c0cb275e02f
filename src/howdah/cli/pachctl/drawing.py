"""`pachctl draw pipeline`: repos and pipelines as boxes, data flowing downwards.

Every box stands below all that it reads. A line that passes a layer runs straight through it; lines
that do not run straight down turn once, in the row of the box that they lead to.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from howdah.cli.pachctl.connection import Project, connected
from howdah.client.pachd import Fields

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
SIGNS = " ╵╷│╴┘┐┤╶└┌├─┴┬┼"
GAP = 2


def pipelines(
    box_width: Annotated[int, typer.Option(min=3, help="A box is at least so wide.")] = 11,
    edge_height: Annotated[int, typer.Option(min=3, help="Lines between two layers.")] = 3,
    commit: Annotated[str, typer.Option("--commit", "-c", help="As they were in this commit set.")] = "",
    project: Project = None,
) -> None:
    """Draw repos and pipelines as a graph, data flowing downwards."""
    with connected(project) as session:
        asked: dict[str, object] = {"projects": [session.named_project(session.project)], "details": True}
        if commit:
            asked["commit_set"] = session.message("pfs_v2.CommitSet", id=commit)
        found = list(session.pps_stream("ListPipeline", **asked))
    graph = {info.pipeline.name: sorted(set(_repos(info.details.input))) for info in found}
    sys.stdout.writelines(line + "\n" for line in drawn(graph, box_width, edge_height))


def _repos(found: Fields) -> Iterator[str]:
    if found.HasField("pfs"):
        yield found.pfs.repo
    if found.HasField("cron"):
        yield found.cron.name
    for kind in ("cross", "union", "join", "group"):
        for part in getattr(found, kind):
            yield from _repos(part)


def drawn(graph: Mapping[str, list[str]], box_width: int = 11, edge_height: int = 3) -> list[str]:
    """The lines of the drawing; `graph` says what each node reads."""
    layers, edges = _layered(graph)
    if not layers:
        return []
    width = max(box_width, *(len(name) + 2 for layer in layers for name in layer if name[0] != "\0"))
    place = {
        node: (width + 2 + GAP) * column + (width + 2) // 2
        for layer in layers
        for column, node in enumerate(layer)
    }
    total = max(len(layer) for layer in layers) * (width + 2 + GAP)
    lines: list[str] = []
    for depth, layer in enumerate(layers):
        lines += _boxes(layer, width, total)
        if depth + 1 < len(layers):
            between = [(place[above], place[below]) for above, below in edges[depth]]
            lines += _wires(between, edge_height, total)
    return [line.rstrip() for line in lines]


def _layered(graph: Mapping[str, list[str]]) -> tuple[list[list[str]], list[list[tuple[str, str]]]]:
    """Nodes by depth, and the edges below each depth. A node that only lets a line pass begins with a NUL."""
    depths: dict[str, int] = {}

    def depth(node: str, above: tuple[str, ...] = ()) -> int:
        if node not in depths:
            inputs = [each for each in graph.get(node, []) if each not in above]
            depths[node] = max((depth(each, (*above, node)) + 1 for each in inputs), default=0)
        return depths[node]

    for node in graph:
        depth(node)
    layers: list[list[str]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for node in sorted(depths):
        layers[depths[node]].append(node)
    edges: list[list[tuple[str, str]]] = [[] for _ in layers]
    for node, inputs in sorted(graph.items()):
        for source in inputs:
            _connect(source, node, depths, layers, edges)
    return layers, edges


def _connect(
    source: str,
    target: str,
    depths: Mapping[str, int],
    layers: list[list[str]],
    edges: list[list[tuple[str, str]]],
) -> None:
    above = source
    for between in range(depths[source] + 1, depths[target]):
        passing = f"\0{source} {between}"
        if passing not in layers[between]:
            layers[between].append(passing)
            edges[between - 1].append((above, passing))
        above = passing
    if depths[target] > depths[source]:
        edges[depths[target] - 1].append((above, target))


def _boxes(layer: list[str], width: int, total: int) -> list[str]:
    rows = ["", "", ""]
    for node in layer:
        if node.startswith("\0"):
            parts = [f"{'│':^{width + 2}}"] * 3
            left = (width + 2) // 2
            parts = [" " * left + "│" + " " * (width + 1 - left)] * 3
        else:
            parts = [f"┌{'─' * width}┐", f"│{node:^{width}}│", f"└{'─' * width}┘"]
        rows = [row + part + " " * GAP for row, part in zip(rows, parts, strict=True)]
    return [row.ljust(total) for row in rows]


def _wires(edges: list[tuple[int, int]], height: int, total: int) -> list[str]:
    """Each target has a row of its own to turn in, so that no line runs into another's."""
    turning = sorted({end for start, end in edges if start != end})
    height = max(height, len(turning) + 2)
    grid = [[0] * total for _ in range(height)]
    for start, end in edges:
        turn = 1 + turning.index(end) if end in turning else 1
        for row in range(height):
            if row != turn:
                grid[row][start if row < turn else end] |= UP | DOWN
        grid[turn][start] |= UP
        grid[turn][end] |= DOWN
        for column in range(min(start, end), max(start, end)):
            grid[turn][column] |= RIGHT
            grid[turn][column + 1] |= LEFT
    return ["".join(SIGNS[cell] for cell in row) for row in grid]
