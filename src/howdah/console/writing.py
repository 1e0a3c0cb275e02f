"""Decisions made by a person: appended to the same record that monitoring writes and follows.

Nothing is carried out here. The record is the desired state; monitoring sees the new entry
and makes the branch or the request for retraining what it says.
"""

import threading
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from howdah.client.files import Files
from howdah.console.engines import Engines
from howdah.core.clock import SystemClock
from howdah.errors import Conflict, Invalid, NotFound
from howdah.monitoring.case import Case
from howdah.monitoring.plan import Decision, Kind, champion, retraining


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str = "default"
    case: str = Field(min_length=1)
    kind: Kind
    subject: str = Field(pattern="^[0-9a-f]{32}$")
    reason: str = Field(min_length=1, max_length=2000)
    actor: str = Field(min_length=1, max_length=200)
    like: str = Field(default="", pattern="^([0-9a-f]{32})?$")
    """For a retraining: the version that it is to be like."""
    entries: int = Field(ge=0)
    """How long the record was that the person had before their eyes."""


class Decisions:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._one_at_a_time = threading.Lock()

    async def serve(self, request: Request) -> Response:
        files = Files(await self._engines.checked(request))
        try:
            asked = Asked.model_validate_json(await request.body())
        except ValidationError as error:
            first = error.errors()[0]
            raise Invalid(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
        decision = await run_in_threadpool(self._write, files, asked)
        return JSONResponse({"kind": decision.kind, "subject": decision.subject, "at_ns": decision.at_ns})

    def _write(self, files: Files, asked: Asked) -> Decision:
        case = Case(asked.case, asked.project, files)
        with self._one_at_a_time:
            record = case.record()
            if overtaken(record, asked.entries):
                raise Conflict(f"{asked.case} was decided on meanwhile. Look again before you decide.")
            decision = decided(asked, record)
            if asked.kind in (Kind.PROMOTED, Kind.ROLLED_BACK):
                _must_be_a_model(files, case, asked.subject)
            if asked.like:
                _must_be_a_model(files, case, asked.like)
            decision = replace(decision, at_ns=SystemClock().now_ns())
            case.write((decision,), already=len(record))
        return decision


def overtaken(record: tuple[Decision, ...], seen: int) -> bool:
    """Whether somebody decided after those entries; that the policy refused something changes nothing."""
    return len(record) < seen or any(entry.kind is not Kind.REFUSED for entry in record[seen:])


def decided(asked: Asked, record: tuple[Decision, ...]) -> Decision:
    """The entry to append; Conflict or Invalid where the record says that it makes no sense."""
    subject = asked.subject
    if asked.kind not in (Kind.PROMOTED, Kind.ROLLED_BACK, Kind.RETRAINED):
        raise Invalid(f"A person cannot decide {asked.kind}; only promoted, rolled_back and retrained.")
    if asked.kind is Kind.RETRAINED:
        last = retraining(record)
        if last is not None and (last.subject, last.like) == (subject, asked.like):
            raise Conflict(f"Retraining because of {subject} has been asked for already.")
        return Decision(asked.kind, subject, asked.reason, actor=asked.actor, like=asked.like)
    if champion(record) == subject:
        raise Conflict(f"{subject} is the champion already.")
    if asked.kind is Kind.ROLLED_BACK and not any(
        entry.subject == subject and entry.kind in (Kind.PROMOTED, Kind.ROLLED_BACK) for entry in record
    ):
        raise Invalid(f"{subject} has never been champion, so there is no way back to it; promote it.")
    return Decision(asked.kind, subject, asked.reason, actor=asked.actor)


def _must_be_a_model(files: Files, case: Case, commit: str) -> None:
    if not files.exists(case.repo(f"model@{commit}"), "/model.json"):
        raise NotFound(f"{case.repo('model')}@{commit} holds no model.")
