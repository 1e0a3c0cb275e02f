"""`pps_v2.API`, datums."""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from howdah.errors import Invalid
from howdah.pachd.pipelines import datum_queries, tables
from howdah.pachd.pipelines.engine import Engine
from howdah.pachd.pipelines.errors import JobNotFound, NoDatumMatches
from howdah.pachd.pipelines.refs import DatumId
from howdah.pachd.wire import convert, pps_convert
from howdah.pachd.wire.call import Call

_BATCH = 100


class DatumCalls:
    service = "pps_v2.API"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._versions = engine.versions
        self._files = engine.files

    def inspect_datum(self, request: Any, call: Call) -> Any:
        if not request.datum.id:
            raise Invalid("must specify a datum")
        job = pps_convert.job_ref(request.datum.job)
        with self._versions.view() as view:
            if tables.job(view.connection, job) is None:
                raise JobNotFound(job)
        meta = datum_queries.one(self._files, job, DatumId(request.datum.id))
        return pps_convert.datum_info(meta, job)

    def list_datum(self, request: Any, call: Call) -> Iterator[Any]:
        if request.HasField("job") and request.HasField("input"):
            raise Invalid("cannot specify both job and input")
        if request.reverse and request.number <= 0:
            raise Invalid("number must be > 0 when reverse is set")
        messages: Iterator[Any] = (
            self._of_input(request) if request.HasField("input") else self._of_job(request)
        )
        states = set(request.filter.state)
        found = (message for message in messages if not states or message.state in states)
        marker = request.pagination_marker
        if request.reverse:
            before = (message for message in found if not marker or message.datum.id < marker)
            return iter(list(deque(before, maxlen=request.number))[::-1])
        after = (message for message in found if not marker or message.datum.id > marker)
        return islice(after, request.number or None)

    def _of_job(self, request: Any) -> Iterator[Any]:
        job = pps_convert.job_ref(request.job)
        for meta in datum_queries.of_job(self._versions, self._files, job):
            yield pps_convert.datum_info(meta, job)

    def _of_input(self, request: Any) -> Iterator[Any]:
        found = datum_queries.of_input(self._versions, self._files, pps_convert.as_json(request.input))
        if request.pagination_marker or request.reverse:
            # Pages are cut by id, so the order must be that of ids; else the order of the input does.
            found = iter(sorted(found, key=lambda datum: datum.id))
        return map(pps_convert.datum_of_input, found)

    def create_datum(self, requests: Iterator[Any], call: Call) -> Iterator[Any]:
        """As many datums as asked for, then as many more, until there are none left."""
        first = next(requests, None)
        if first is None or first.WhichOneof("body") != "start":
            raise Invalid("first message must be a StartCreateDatumRequest message")
        if not first.start.HasField("input"):
            raise Invalid("first message must specify an input")
        given = pps_convert.as_json(first.start.input)
        found = datum_queries.of_input(self._versions, self._files, given)
        number = first.start.number
        upcoming = next(found, None)
        while upcoming is not None:
            for _ in range(number if number > 0 else _BATCH):
                yield pps_convert.datum_of_input(upcoming)
                upcoming = next(found, None)
                if upcoming is None:
                    return
            request = next(requests, None)
            if request is None:
                return
            body = request.WhichOneof("body")
            if body is None or body == "start":
                raise Invalid("subsequent messages must be a ContinueCreateDatumRequest message")
            number = getattr(request, body).number

    def restart_datum(self, request: Any, call: Call) -> Any:
        job = pps_convert.job_ref(request.job)
        with self._versions.view() as view:
            if tables.job(view.connection, job) is None:
                raise JobNotFound(job)
        filters = list(request.data_filters)
        if not self._engine.controller.restart_datum(job, filters):
            raise NoDatumMatches(filters, job)
        return convert.empty()
