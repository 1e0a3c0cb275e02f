"""A job's lines in ranges: the first, the newest, those that follow, those that hold some words.

A page keeps no stream open, so that a browser's few connections to one server are never all
taken by pages that listen; it asks for what follows when it is scrolled to, or once a second.
"""

import re
from itertools import islice

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from howdah.client.pachd import Fields, Pachd
from howdah.console.engines import Engines, token
from howdah.console.files import asked, number

LINES = 2000

Line = tuple[str, str]
"""Nanoseconds since 1970 as text, which JavaScript keeps whole; and what was said."""


class Logs:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def serve(self, request: Request) -> Response:
        """`?project&pipeline&job` and perhaps `datum`: `{"lines", "more"}`, at most LINES from the
        beginning. With `last`: the newest. With `from` and `seen`: those of that nanosecond and later
        but for the first `seen`. With `search`: only those that hold these words, in either case."""
        pachd = await self._engines.pachd(token(request))
        read = _newest if "last" in request.query_params else _following
        lines = await run_in_threadpool(read, pachd, request)
        return JSONResponse({"lines": lines[:LINES], "more": len(lines) > LINES})


def _newest(pachd: Pachd, request: Request) -> list[Line]:
    project = pachd.message("pfs_v2.Project", name=_project(request))
    pipeline = pachd.message("pps_v2.Pipeline", project=project, name=asked(request, "pipeline"))
    job = pachd.message("pps_v2.Job", pipeline=pipeline, id=asked(request, "job"))
    fields = {"job": job, "tail": LINES}
    if datum := request.query_params.get("datum"):
        fields["datum"] = pachd.message("pps_v2.Datum", job=job, id=datum)
    found = pachd.stream("pps_v2.API/GetLogs", **fields)
    return [(str(line.ts.ToNanoseconds()), line.message.rstrip("\n")) for line in found]


def _following(pachd: Pachd, request: Request) -> list[Line]:
    project = _project(request)
    pipeline = pachd.message("logs.PipelineLogQuery", project=project, pipeline=asked(request, "pipeline"))
    if datum := request.query_params.get("datum"):
        one = pachd.message("logs.JobDatumLogQuery", job=asked(request, "job"), datum=datum)
        user = pachd.message("logs.UserLogQuery", job_datum=one)
    else:
        one = pachd.message("logs.PipelineJobLogQuery", pipeline=pipeline, job=asked(request, "job"))
        user = pachd.message("logs.UserLogQuery", pipeline_job=one)
    seen = number(request, "seen", 0)
    fields: dict[str, Fields] = {}
    if since_ns := number(request, "from", 0):
        seconds, nanos = divmod(since_ns, 10**9)
        start = {"from": {"seconds": seconds, "nanos": nanos}}
        fields["time_range"] = pachd.message("logs.TimeRangeLogFilter", **start)
    if words := request.query_params.get("search"):
        fields["regex"] = pachd.message("logs.RegexLogFilter", pattern=f"(?i){re.escape(words)}")
    limit = seen + LINES + 1
    found = pachd.stream(
        "logs.API/GetLogs",
        query=pachd.message("logs.LogQuery", user=user),
        filter=pachd.message("logs.LogFilter", limit=limit, **fields),
    )
    return [_line(answer.log) for answer in islice(found, seen, None)]


def _line(log: Fields) -> Line:
    return str(log.native_timestamp.ToNanoseconds()), log.verbatim.line.decode().rstrip("\n")


def _project(request: Request) -> str:
    return request.query_params.get("project") or "default"
