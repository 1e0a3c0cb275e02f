"""Watches: a stream of changes that a client can leave and take up again where it was.

A watch without a version begins with the present objects as ADDED. One that asks for a version
no longer in the change log gets the 410 that makes clients list again. Bookmarks tell a client
how far it is, so that quiet kinds do not age out of the log.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool

from howdah.core.json import JsonObject, as_text, at
from howdah.seldon.kube import columns
from howdah.seldon.kube.failures import failure, status_object
from howdah.seldon.kube.resources import Resource
from howdah.seldon.kube.selectors import Matches
from howdah.seldon.objects import Expired, Objects

BOOKMARK_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class Watch:
    resource: Resource
    namespace: str | None
    after: int | None
    matches: Matches
    timeout_s: float
    bookmarks: bool
    initial: bool
    """Whether the present objects come first even though a version was given, ended by a bookmark."""
    table: bool
    include: str


Render = Callable[[str, JsonObject], bytes]


async def stream(objects: Objects, watch: Watch) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(woken.set)

    render = _renderer(watch)
    unsubscribe = objects.subscribe(wake)
    deadline = loop.time() + watch.timeout_s
    seen: set[tuple[str, str]] = set()
    try:
        after = watch.after or 0
        if watch.after is None or watch.initial:
            present, after = await run_in_threadpool(objects.scan, watch.resource.plural, watch.namespace)
            for document in filter(watch.matches, present):
                seen.add(_key(document))
                yield render("ADDED", document)
            if watch.initial:
                yield _bookmark(watch, after, {"k8s.io/initial-events-end": "true"})
        while (left := deadline - loop.time()) > 0:
            woken.clear()
            try:
                changes = await run_in_threadpool(objects.changes, watch.resource.plural, after)
            except Expired as error:
                yield _line("ERROR", status_object(failure(error, watch.resource, "")))
                return
            for change in changes:
                after = change.version
                if watch.namespace in (None, change.namespace):
                    shown = _seen_by(watch.matches, change.type, change.body, seen)
                    if shown:
                        yield render(shown, change.body)
            if changes:
                continue
            try:
                await asyncio.wait_for(woken.wait(), min(left, BOOKMARK_EVERY_S))
            except TimeoutError:
                if watch.bookmarks:
                    yield _bookmark(watch, after, {})
    finally:
        unsubscribe()


def _key(document: JsonObject) -> tuple[str, str]:
    return as_text(at(document, "metadata", "namespace")), as_text(at(document, "metadata", "name"))


def _seen_by(matches: Matches, type: str, document: JsonObject, seen: set[tuple[str, str]]) -> str | None:
    """The event as this watcher must see it: an object that stops matching is DELETED for it."""
    key = _key(document)
    known, now = key in seen, matches(document)
    if type == "DELETED" or not now:
        seen.discard(key)
        return "DELETED" if known or (type == "DELETED" and now) else None
    seen.add(key)
    return "ADDED" if type == "ADDED" else "MODIFIED"


def _renderer(watch: Watch) -> Render:
    if not watch.table:
        return _line
    first = True

    def row(type: str, document: JsonObject) -> bytes:
        nonlocal first
        version = int(as_text(at(document, "metadata", "resourceVersion")) or 0)
        shown = columns.table(watch.resource, [document], version, watch.include, datetime.now(UTC))
        if not first:
            shown["columnDefinitions"] = None
        first = False
        return _line(type, shown)

    return row


def _bookmark(watch: Watch, version: int, annotations: JsonObject) -> bytes:
    metadata: JsonObject = {"resourceVersion": str(version), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    kind: JsonObject = {"kind": watch.resource.kind, "apiVersion": watch.resource.api_version}
    return _line("BOOKMARK", {**kind, "metadata": metadata})


def _line(type: str, document: JsonObject) -> bytes:
    return json.dumps({"type": type, "object": document}).encode() + b"\n"
