"""A pod's log: the files that its process wrote.

They are the process' own words and nothing else, so what asks for the time of each line is refused.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from howdah.core.json import JsonObject, as_list, as_object, as_text, at
from howdah.seldon.kube.failures import bad_request

LogReader = Callable[[str, str, bool], Path | None]
"""(namespace, pod, previous) -> the log file, or None if there is none (yet)."""

BLOCK_BYTES = 64 << 10
POLL_S = 0.2
TIMED = {"sinceSeconds": "--since", "sinceTime": "--since-time", "timestamps": "--timestamps"}


@dataclass(frozen=True, slots=True)
class LogQuery:
    container: str = ""
    tail: int | None = None
    """So many lines from the end."""
    limit_bytes: int | None = None
    follow: bool = False
    previous: bool = False
    """Of the process before this one."""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "LogQuery":
        """Raises what cannot be done."""
        for name, option in TIMED.items():
            if query.get(name, "false") not in ("false", "0", ""):
                message = "lines of a log have no times here; --tail and --limit-bytes work"
                raise bad_request(f"{name} ({option}): {message}")
        return cls(
            container=query.get("container", ""),
            tail=_count(query, "tailLines", 0),
            limit_bytes=_count(query, "limitBytes", 1),
            follow=query.get("follow") in ("true", "1"),
            previous=query.get("previous") in ("true", "1"),
        )


def _count(query: Mapping[str, str], name: str, least: int) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if not text.isdecimal() or int(text) < least:
        raise bad_request(f"{name}: Invalid value: {text}: must be a whole number from {least}")
    return int(text)


def log_stream(logs: LogReader, pod: JsonObject, query: LogQuery) -> AsyncIterator[bytes]:
    """The log from its start or its last lines; with `follow`, until the client leaves or another process
    has taken this one's place. Raises at once, before anything is sent."""
    name = as_text(at(pod, "metadata", "name"))
    containers = [as_text(as_object(one).get("name")) for one in as_list(at(pod, "spec", "containers"))]
    if query.container and query.container not in containers:
        raise bad_request(f"container {query.container} is not valid for pod {name}")
    path = logs(as_text(at(pod, "metadata", "namespace")), name, query.previous)
    if query.previous and (path is None or not path.exists()):
        raise bad_request(f'previous terminated container in pod "{name}" not found')
    return _blocks(path, query)


async def _blocks(path: Path | None, query: LogQuery) -> AsyncIterator[bytes]:
    if path is None:
        return
    try:
        # Unbuffered: a buffer would still hold what stood there before the log was rotated.
        file = path.open("rb", buffering=0)
    except FileNotFoundError:
        return
    left = query.limit_bytes
    with file:
        offset = await run_in_threadpool(_start_of_tail, file, query.tail)
        while left is None or left > 0:
            # Asked before reading: what is written last is read all the same.
            goes_on = query.follow and _is_at(path, file)
            size = BLOCK_BYTES if left is None else min(BLOCK_BYTES, left)
            offset, block = await run_in_threadpool(_read, file, offset, size)
            if block:
                offset += len(block)
                left = None if left is None else left - len(block)
                yield block
            elif goes_on:
                await asyncio.sleep(POLL_S)
            else:
                return


def _is_at(path: Path, file: FileIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _read(file: FileIO, offset: int, size: int) -> tuple[int, bytes]:
    """From where it was read, and what stands there: the start again of a log that has been rotated."""
    begin = file.seek(offset if offset <= os.fstat(file.fileno()).st_size else 0)
    return begin, file.read(size)


def _start_of_tail(file: FileIO, lines: int | None) -> int:
    if lines is None:
        return 0
    end = file.seek(0, 2)
    position, seen = end, 0
    while position > 0:
        size = min(BLOCK_BYTES, position)
        position -= size
        file.seek(position)
        block = file.read(size)
        found = len(block)
        while (found := block.rfind(b"\n", 0, found)) >= 0:
            if position + found + 1 < end:
                seen += 1
                if seen == lines:
                    return position + found + 1
    return end if lines == 0 else 0
