"""One push channel: server-sent events that name what changed, never what it became.

A topic is a kind of object, or a kind and a name, such as `commits:default/images`; a page that
hears one that it is about reads again what it shows, through the public API, so a lost or doubled
event costs nothing. All pages with one token share one look a second at the newest commits and
jobs and at deployments. Repos and pipelines, of which there may be hundreds, are looked at when what is
new may have changed them, or nobody has for ten seconds. While no page is open nobody looks. What was seen
last is kept, so that a page that opens later hears what has changed since, and not that everything is new.
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
ALL_EVERY_S = 10.0
REST = 40
"""Where there is so much to look at that a look takes long, looks are rarer: a fortieth of the time."""
STILL_THERE_EVERY_S = 10.0
"""A page that hears nothing for longer than twice this takes it that nobody is there."""
_KEPT = 32
"""What so many tokens saw last is kept after their pages have gone."""
_COMMITS, _JOBS = 100, 60
_ONE = "one:"
"""Begins what is no topic but the mark of one commit or job, to tell whether the looks overlap."""

_STANDING = ("repos:", "pipelines:")

Digests = Mapping[str, str]


class Events:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._watches: dict[str, _Watch] = {}
        """By token, the least lately joined first."""

    async def stream(self, request: Request) -> Response:
        await self._engines.checked(request)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        lines = self._lines(token(request))
        return StreamingResponse(lines, media_type="text/event-stream", headers=headers)

    async def _lines(self, key: str) -> AsyncIterator[str]:
        watch = self._watches.pop(key, None) or _Watch(self._engines, key)
        self._watches[key] = watch
        queue = watch.join()
        try:
            yield f"event: hello\ndata: {json.dumps({'told_since_ms': watch.told_since_ms()})}\n\n"
            while True:
                topics = await watch.hear(queue)
                yield f"event: changed\ndata: {json.dumps(topics)}\n\n"
        finally:
            watch.leave(queue)
            idle = [each for each, watch in self._watches.items() if watch.idle]
            for each in idle[:-_KEPT]:
                del self._watches[each]


class _Watch:
    """Looks while at least one page has joined. Used by the server's loop alone."""

    def __init__(self, engines: Engines, key: str) -> None:
        self._key = key
        self._headers = {TOKEN: key} if key else {}
        self._engines = engines
        self._queues: set[asyncio.Queue[list[str]]] = set()
        self._task: asyncio.Task[None] | None = None
        self._seen: Digests = {}
        self._began = self._saw_all = 0.0

    @property
    def idle(self) -> bool:
        return not self._queues

    def told_since_ms(self) -> int:
        """How long ago the moment is since which whoever joins now will hear of every change."""
        return int((time.monotonic() - self._began) * 1000) if self._seen else 0

    def join(self) -> asyncio.Queue[list[str]]:
        queue: asyncio.Queue[list[str]] = asyncio.Queue(64)
        self._queues.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())
        return queue

    async def hear(self, queue: asyncio.Queue[list[str]]) -> list[str]:
        """The next topics; raises what ended the looking, so that a page does not wait in vain."""
        assert self._task is not None
        topics = asyncio.ensure_future(queue.get())
        try:
            await asyncio.wait((topics, self._task), return_when=asyncio.FIRST_COMPLETED)
            if self._task.done():
                self._task.result()
            return topics.result()
        finally:
            topics.cancel()

    def leave(self, queue: asyncio.Queue[list[str]]) -> None:
        self._queues.discard(queue)
        if self._task is not None and not self._queues:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        """Begins with a rest: the page that has just come reads everything itself."""
        rest_s, spoke = LOOK_EVERY_S, time.monotonic()
        while True:
            await asyncio.sleep(rest_s)
            began = time.monotonic()
            now = await self._look(self._seen)
            rest_s = min(max(LOOK_EVERY_S, REST * (time.monotonic() - began)), LONGEST_S)
            topics = changed(self._seen, now)
            self._seen, self._began = now, began
            if topics or began - spoke >= STILL_THERE_EVERY_S:
                spoke = began
                for queue in self._queues:
                    if not queue.full():  # a page that does not read will read everything again
                        queue.put_nowait(topics)

    async def _look(self, before: Digests) -> Digests:
        try:
            pachd = await self._engines.pachd(self._key)
            found = await run_in_threadpool(_moving, pachd)
            known = {topic: digest for topic, digest in before.items() if topic.startswith(_STANDING)}
            if _may_touch_standing(before, found) or time.monotonic() - self._saw_all >= ALL_EVERY_S:
                self._saw_all = time.monotonic()
                known = await run_in_threadpool(_standing, pachd)
            found |= known
            for topic in [topic for topic in found if topic.startswith("commits:")]:
                found.setdefault(topic.replace("commits:", "repos:", 1), "not looked at yet")
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
    """What differs; where none of the newest commits or jobs was known before, others may have passed
    unseen between two looks, so the whole kind counts as changed."""
    topics = {topic for topic in before.keys() | now.keys() if before.get(topic) != now.get(topic)}
    for kind in ("commits", "jobs"):
        known = {topic for topic in now if topic.startswith(f"{_ONE}{kind}:")}
        if known and known <= topics:
            topics.add(kind)
    return sorted(topic for topic in topics if not topic.startswith(_ONE))


def _may_touch_standing(before: Digests, now: Digests) -> bool:
    """Whether a job moved, which is its pipeline's state, or a commit came that is not a user's: a spec."""
    return any(
        topic.startswith("jobs:") or (topic.startswith(f"{_ONE}commits:") and ".user@" not in topic)
        for topic, digest in now.items()
        if before.get(topic) != digest
    )


def _moving(pachd: Pachd) -> dict[str, str]:
    found: dict[str, blake2b] = {}
    for info in pachd.stream("pfs_v2.API/ListCommit", number=_COMMITS, all=True):
        repo = info.commit.repo
        found[f"{_ONE}commits:{repo.project.name}/{repo.name}.{repo.type}@{info.commit.id}"] = blake2b()
        if repo.type == "user":
            _add(found, "commits", repo, info)
    for job in pachd.stream("pps_v2.API/ListJob", number=_JOBS):
        found[f"{_ONE}jobs:{job.job.id}"] = blake2b()
        _add(found, "jobs", job.job.pipeline, job)
    return _ended(found)


def _standing(pachd: Pachd) -> dict[str, str]:
    found: dict[str, blake2b] = {}
    for each in pachd.stream("pfs_v2.API/ListRepo", type="user"):
        each.ClearField("size_bytes_upper_bound")  # moves with every commit, which has its own topic
        each.ClearField("details")
        _add(found, "repos", each.repo, each)
    for pipeline in pachd.stream("pps_v2.API/ListPipeline"):
        _add(found, "pipelines", pipeline.pipeline, pipeline)
    return _ended(found)


def _ended(found: dict[str, blake2b]) -> dict[str, str]:
    return {topic: digest.hexdigest() for topic, digest in found.items()}


def _add(found: dict[str, blake2b], kind: str, named: Fields, state: Fields) -> None:
    topic = f"{kind}:{named.project.name}/{named.name}"
    if topic not in found:
        found[topic] = blake2b(digest_size=16)
    found[topic].update(state.SerializeToString(deterministic=True))
