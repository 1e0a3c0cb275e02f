"""A pod's log: the files that its process wrote."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from howdah.seldon.kube.failures import bad_request

LogReader = Callable[[str, str, bool], Path | None]
"""(namespace, pod, previous) -> the log file, or None if there is none (yet)."""

BLOCK_BYTES = 64 << 10
POLL_S = 0.2


async def log_stream(
    logs: LogReader, namespace: str, pod: str, tail: int | None, follow: bool, previous: bool
) -> AsyncIterator[bytes]:
    """The log from its start or its last lines; with `follow`, until the client leaves or the file goes."""
    path = logs(namespace, pod, previous)
    if path is None or not path.exists():
        if previous:
            raise bad_request(f'previous terminated container in pod "{pod}" not found')
        return
    offset = await run_in_threadpool(_start_of_tail, path, tail)
    while True:
        offset, block = await run_in_threadpool(_read, path, offset)
        if block:
            offset += len(block)
            yield block
        elif not follow or not path.exists():
            return
        else:
            await asyncio.sleep(POLL_S)


def _read(path: Path, offset: int) -> tuple[int, bytes]:
    """From where it was read, and what stands there: the start again of a log that has been rotated."""
    try:
        with path.open("rb") as file:
            begin = file.seek(offset if offset <= os.fstat(file.fileno()).st_size else 0)
            return begin, file.read(BLOCK_BYTES)
    except FileNotFoundError:
        return offset, b""


def _start_of_tail(path: Path, lines: int | None) -> int:
    if lines is None:
        return 0
    with path.open("rb") as file:
        end = file.seek(0, 2)
        position, seen = end, 0
        while position > 0:
            size = min(BLOCK_BYTES, position)
            position -= size
            file.seek(position)
            block = file.read(size)
            at = len(block)
            while (at := block.rfind(b"\n", 0, at)) >= 0:
                if position + at + 1 < end:
                    seen += 1
                    if seen == lines:
                        return position + at + 1
        return end if lines == 0 else 0


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a log, for events and conditions."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(_start_of_tail(path, count))
        return file.read(BLOCK_BYTES).decode(errors="replace").splitlines()
