"""One push channel: server-sent events that name what changed, never what it became.

A topic is a kind of object, or a kind and a name, such as `commits:default/images`; a page that
hears one that it is about reads again what it shows, through the public API, so a lost or doubled
event costs nothing. All pages with one token share one look a second at the newest commit sets,
jobs, pipelines and deployments; while no page is open nobody looks.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from hashlib import blake2b

import httpx2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from howdah.client.pachd import Fields, Pachd
from howdah.console.engines import TOKEN, Engines, token
from howdah.errors import HowdahError

LOOK_EVERY_S = 1.0
LONGEST_S = 5.0
REST = 20
"""Where there is so much to look at that a look takes long, looks are rarer: a twentieth of the time."""
STILL_THERE_EVERY_LOOKS = 10
_SETS, _JOBS = 12, 60
_ONE = "one:"
"""Begins what is no topic but the mark of one set or job, to tell whether the looks overlap."""

Digests = Mapping[str, str]


class Events:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._watches: dict[str, _Watch] = {}

    async def stream(self, request: Request) -> Response:
        await self._engines.checked(request)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        lines = self._lines(token(request))
        return StreamingResponse(lines, media_type="text/event-stream", headers=headers)

    async def _lines(self, key: str) -> AsyncIterator[str]:
        watch = self._watches.get(key)
        if watch is None:
            watch = self._watches[key] = _Watch(self._engines, key)
        queue = watch.join()
        try:
            yield "event: hello\ndata: {}\n\n"
            while True:
                topics = await queue.get()
                yield f"event: changed\ndata: {json.dumps(topics)}\n\n"
        finally:
            if watch.leave(queue):
                self._watches.pop(key, None)


class _Watch:
    """Lives on the server's loop from the first page that joins to the last that leaves."""

    def __init__(self, engines: Engines, key: str) -> None:
        self._key = key
        self._headers = {TOKEN: key} if key else {}
        self._engines = engines
        self._queues: set[asyncio.Queue[list[str]]] = set()
        self._task = asyncio.ensure_future(self._run())

    def join(self) -> asyncio.Queue[list[str]]:
        queue: asyncio.Queue[list[str]] = asyncio.Queue(64)
        self._queues.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[list[str]]) -> bool:
        self._queues.discard(queue)
        if self._queues:
            return False
        self._task.cancel()
        return True

    async def _run(self) -> None:
        seen: Digests = {}
        quiet = 0
        while True:
            began = time.monotonic()
            now = await self._look(seen)
            took_s = time.monotonic() - began
            topics = changed(seen, now)
            quiet = 0 if topics else quiet + 1
            if topics or quiet >= STILL_THERE_EVERY_LOOKS:
                quiet = 0
                for queue in self._queues:
                    if not queue.full():  # a page that does not read will read everything again
                        queue.put_nowait(topics)
            seen = now
            await asyncio.sleep(min(max(LOOK_EVERY_S, REST * took_s), LONGEST_S))

    async def _look(self, before: Digests) -> Digests:
        try:
            pachd = await self._engines.pachd(self._key)
            found = dict(await run_in_threadpool(_pachd_digests, pachd))
        except HowdahError:
            return before  # a page notices by itself that an answer stays away
        found["deployments"] = await self._deployments() or before.get("deployments", "")
        return found

    async def _deployments(self) -> str:
        url = f"{self._engines.kubernetes}/apis/machinelearning.seldon.io/v1/seldondeployments"
        try:
            async with httpx2.AsyncClient(trust_env=False) as client:
                return blake2b((await client.get(url, headers=self._headers)).content).hexdigest()
        except httpx2.HTTPError:
            return ""


def changed(before: Digests, now: Digests) -> list[str]:
    """What differs; where none of the newest sets or jobs was known before, others may have passed
    unseen between two looks, so the whole kind counts as changed."""
    topics = {topic for topic in before.keys() | now.keys() if before.get(topic) != now.get(topic)}
    for kind in ("commits", "jobs"):
        known = {topic for topic in now if topic.startswith(f"{_ONE}{kind}:")}
        if known and known <= topics:
            topics.add(kind)
    return sorted(topic for topic in topics if not topic.startswith(_ONE))


def _pachd_digests(pachd: Pachd) -> Digests:
    found: dict[str, blake2b] = {}
    for repo in pachd.stream("pfs_v2.API/ListRepo", type="user"):
        repo.ClearField("size_bytes_upper_bound")  # moves with every commit, which has its own topic
        repo.ClearField("details")
        _add(found, "repos", repo.repo, repo)
    for commits in pachd.stream("pfs_v2.API/ListCommitSet", number=_SETS):
        found[f"{_ONE}commits:{commits.commit_set.id}"] = blake2b()
        for commit in commits.commits:
            if commit.commit.repo.type == "user":
                _add(found, "commits", commit.commit.repo, commit)
    for job in pachd.stream("pps_v2.API/ListJob", number=_JOBS):
        found[f"{_ONE}jobs:{job.job.id}"] = blake2b()
        _add(found, "jobs", job.job.pipeline, job)
    for pipeline in pachd.stream("pps_v2.API/ListPipeline"):
        _add(found, "pipelines", pipeline.pipeline, pipeline)
    return {topic: digest.hexdigest() for topic, digest in found.items()}


def _add(found: dict[str, blake2b], kind: str, named: Fields, state: Fields) -> None:
    topic = f"{kind}:{named.project.name}/{named.name}"
    if topic not in found:
        found[topic] = blake2b(digest_size=16)
    found[topic].update(state.SerializeToString(deterministic=True))
