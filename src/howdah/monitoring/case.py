"""One case as the repos that its name implies, read and written through pachd's protocol.

<case>-policy      policy.yaml: its presence makes the case
<case>-model       bundles; `master` is the challenger, `champion` what is served
<case>-compare     comparison.json for each challenger
<case>-drift       drift.json for each window of committed data
<case>-request-drift  DAY.json for the day's window of requests
<case>-retrain     why.json: the request to train again, an input of training
<case>-decisions   one JSON file for each decision: who, what, why, on what evidence
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import get_origin

from howdah.client.files import Files
from howdah.errors import Invalid, NotFound
from howdah.monitoring import policy
from howdah.monitoring.plan import Comparison, Decision, DriftFinding, Kind, Observed, champion, retraining
from howdah.monitoring.policy import Policy

POLICY_SUFFIX = "-policy"

type Document = dict
"""What stands in a report; whoever parses one may take for granted what must be there."""
type Parse[T] = Callable[[str, Document], T]
"""From a commit's id and the document found in it."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    project: str
    files: Files

    def repo(self, part: str) -> str:
        return f"{self.project}/{self.name}-{part}"

    def heads(self) -> tuple[str | None, ...]:
        """What a decision can depend on; equal heads mean that nothing new can be decided."""
        parts = ("policy", "model", "compare", "drift", "request-drift", "decisions")
        return tuple(self.files.finished_head(self.repo(f"{part}@master")) for part in parts)

    def policy(self) -> Policy:
        head = self.files.finished_head(self.repo("policy@master"))
        content = self.files.read(self.repo(f"policy@{head}"), "/policy.yaml")
        try:
            return policy.parse(content.decode())
        except UnicodeDecodeError as error:
            raise Invalid(f"policy.yaml is not UTF-8: byte {error.start} cannot be read.") from error

    def observe(self, now_ns: int) -> Observed:
        record, comparison = self.record(), self._comparison()
        compared = None if comparison is None else comparison.challenger
        drifts = tuple(found for found in (self._drift(), self._request_drift()) if found is not None)
        return Observed(self._challenger(champion(record), compared), comparison, drifts, record, now_ns)

    def _challenger(self, *known: str | None) -> str | None:
        """The newest model; one that is the same to the byte as a known one is that one.

        Training twice on the same rows gives the same bytes, which nothing compares a second time.
        """
        newest = self.files.finished_head(self.repo("model@master"))
        if newest is None or not self.files.exists(self.repo(f"model@{newest}"), "/model.json"):
            return None  # the branch's first, empty commit is no model
        content = self._content(newest)
        return next((each for each in known if each and self._content(each) == content), newest)

    def _content(self, model: str) -> bytes:
        try:
            return self.files.digest(self.repo(f"model@{model}"), "/")
        except NotFound:  # no longer there, so equal to nothing
            return b""

    def record(self) -> tuple[Decision, ...]:
        head = self.files.finished_head(self.repo("decisions@master"))
        if head is None:
            return ()
        commit = self.repo(f"decisions@{head}")
        return tuple(self._read(commit, path, _decision) for path in self.files.paths(commit))

    def write(self, decisions: tuple[Decision, ...], already: int) -> None:
        """Appends to the record in one commit; `already` entries stand in it."""
        self.files.ensure_repo(self.repo("decisions"), f"Every decision on {self.name}, and why.")
        files = {
            _entry(already + place, decision): json.dumps(asdict(decision), indent=2).encode()
            for place, decision in enumerate(decisions)
        }
        self.files.put(self.repo("decisions@master"), files)

    def carry_out(self, record: tuple[Decision, ...]) -> list[str]:
        """Makes the champion and the retraining request what the record says; names what it changed."""
        changed = []
        chosen = champion(record)
        if chosen and self.files.finished_head(self.repo("model@champion")) != chosen:
            self.files.move_branch(self.repo("model@champion"), chosen)
            changed.append(f"champion is now {chosen}")
        asked = retraining(record)
        if asked and self._requested() != (asked.subject, asked.like):
            document = {
                "report": asked.subject,
                "like": self._settings(asked.like),
                "reason": asked.reason,
                "actor": asked.actor,
                "evidence": asked.evidence,
                "window": self._slice(asked),
            }
            self.files.put(
                self.repo("retrain@master"), {"/why.json": json.dumps(document, indent=2).encode()}
            )
            changed.append(f"retraining because of {asked.reason}")
        return changed

    def _requested(self) -> tuple[str, str] | None:
        """Because of which report, and like which version, training was last asked for."""
        return self._report("retrain", "/why.json", _asked)

    def _settings(self, model: str) -> Document | None:
        """What `train --request` takes over from a version."""
        return self._read(self.repo(f"model@{model}"), "/model.json", _like) if model else None

    def _comparison(self) -> Comparison | None:
        return self._report("compare", "/comparison.json", _compared)

    def _drift(self) -> DriftFinding | None:
        return self._report("drift", "/drift.json", _finding)

    def _request_drift(self) -> DriftFinding | None:
        """Of the newest day that requests were logged on."""
        head = self.files.finished_head(self.repo("request-drift@master"))
        days = [] if head is None else self.files.paths(self.repo(f"request-drift@{head}"))
        return self._report("request-drift", days[-1], _finding_of_requests) if days else None

    def _slice(self, asked: Decision) -> dict | None:  # type: ignore[type-arg]
        """The window in the report that a retraining rests on: id, name, files, data commit."""
        part = "request-drift" if asked.model else "drift"
        report = self.repo(f"{part}@{asked.evidence or asked.subject}")
        try:
            path = self.files.paths(report)[-1] if asked.model else "/drift.json"
            found: dict[str, object] = json.loads(self.files.read(report, path))["window"]
        except (NotFound, Invalid):  # a person may ask for it on the evidence of something else
            return None
        return found

    def _report[T](self, part: str, path: str, parse: Parse[T]) -> T | None:
        """What the newest finished commit of a part says; a newer one may be under way."""
        head = self.files.finished_head(self.repo(f"{part}@master"))
        try:
            return None if head is None else self._read(self.repo(f"{part}@{head}"), path, parse)
        except NotFound:
            return None

    def _read[T](self, commit: str, path: str, parse: Parse[T]) -> T:
        """Invalid where the file is not what `parse` takes it for: one case's fault, said by its name."""
        text = self.files.read(commit, path)
        try:
            return _sound(parse(commit.partition("@")[2], json.loads(text)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
            raise Invalid(f"{commit}:{path} is not what its name promises ({why}).") from error


def _sound[T](found: T) -> T:
    """TypeError where a field holds what its type does not say: plans compare and join these."""
    for each in fields(found) if is_dataclass(found) else ():
        wanted = tuple if get_origin(each.type) is tuple else each.type
        value = getattr(found, each.name)
        if not isinstance(value, (int, float) if wanted is float else wanted):  # type: ignore[arg-type]
            raise TypeError(f"{each.name} cannot be {value!r}")
        if isinstance(value, tuple) and not all(isinstance(one, str) for one in value):
            raise TypeError(f"{each.name} holds more than names")
    return found


def _decision(_: str, document: Document) -> Decision:
    return Decision(**{**document, "kind": Kind(document["kind"])})


def _asked(_: str, document: Document) -> tuple[str, str]:
    return str(document.get("report")), str((document.get("like") or {}).get("model", ""))


def _like(model: str, document: Document) -> Document:
    said = {name: document[name] for name in ("family", "parameters", "seed") if name in document}
    return {"model": model, **said}


def _compared(head: str, document: Document) -> Comparison:
    if document.get("champion") is None:
        return Comparison(None, document["challenger"]["commit"], head, document.get("rows", 0))
    result = document["comparison"]
    return Comparison(
        champion=document["champion"]["commit"],
        challenger=document["challenger"]["commit"],
        report=head,
        rows=result["rows"],
        loss=result["loss"],
        improvement=result["improvement"],
        p_value=result["p_value"],
    )


def _finding(head: str, document: Document) -> DriftFinding:
    window = document["window"]
    return DriftFinding(window["id"], window["name"], tuple(document["drifted"]), head)


def _finding_of_requests(head: str, document: Document) -> DriftFinding:
    return replace(_finding(head, document), model=document["champion"] or "")


def _entry(number: int, decision: Decision) -> str:
    # A person and the monitor may decide in the same moment and count alike: neither may overwrite the other.
    return f"/{number:06d}-{decision.kind}-{uuid.uuid4().hex[:8]}.json"
