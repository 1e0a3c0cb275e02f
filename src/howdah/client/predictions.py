"""Deployed models asked over HTTP, by the V2 protocol, through whatever ingress stands before them.

A row is a mapping of input names to values. The model's own metadata says which inputs there are and
whether they are numbers or text, so that text from a command line or a file becomes what it takes. A
forecaster takes a window of days: its rows are days in their order, the last of which are the window.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from howdah.core.json import Json, JsonObject, as_list, as_object, as_text
from howdah.errors import HowdahError, Invalid, NotFound, Unavailable

ID = "seldon-puid"
LONGEST_S = 120.0
NOT_SERVED = (502, 503, 504)

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Input:
    """What a model says of one of its inputs."""

    name: str
    datatype: str
    days: int = 0
    """How many days a window of `columns` has; nought where a row is one value."""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    id: str
    """Names this prediction: in the inference log, for `feedback`."""
    model: str
    outputs: dict[str, list[Json]]

    def rows(self) -> list[dict[str, Json]]:
        columns = list(self.outputs.items())
        count = max((len(values) for _, values in columns), default=0)
        return [{name: values[place] for name, values in columns} for place in range(count)]


@dataclass(frozen=True, slots=True)
class Ingress:
    """`url` is where deployments are served: `http://127.0.0.1:8003`."""

    url: str

    def inputs(self, name: str, namespace: str = "default") -> list[Input]:
        """In the model's order."""
        document, _ = self._ask(name, namespace, f"v2/models/{quote(name)}")
        return [_input(as_object(each)) for each in as_list(document.get("inputs"))]

    def predict(
        self, name: str, rows: Sequence[Row], namespace: str = "default", *, ignore_others: bool = False
    ) -> Answer:
        """`ignore_others` passes over what is no input of the model, such as the target in a file."""
        question = request(rows, self.inputs(name, namespace), ignore_others)
        document, id = self._ask(name, namespace, "v2/models/infer", question)
        return _answer(document, id)

    def explain(
        self,
        name: str,
        rows: Sequence[Row],
        namespace: str = "default",
        predictor: str = "champion",
        *,
        ignore_others: bool = False,
    ) -> JsonObject:
        """The explainer's own document. NotFound where the predictor has none."""
        question = request(rows, self.inputs(name, namespace), ignore_others)
        try:
            document, id = self._ask(f"{name}-explainer", namespace, f"{predictor}/v2/models/infer", question)
        except NotFound as error:
            raise NotFound(
                f"{namespace}/{name} has no explainer at {predictor}",
                why=str(error),
                remedy="Add `explainer: {type: KernelShap}` to the predictor in its manifest.",
            ) from error
        told = next(iter(_answer(document, id).outputs.values()), [])
        return as_object(json.loads(as_text(told[0]))) if told else {}

    def feedback(
        self, name: str, id: str, truth: object | None, reward: float, namespace: str = "default"
    ) -> None:
        """What prediction `id` should have been, and how good it was."""
        document: JsonObject = {"reward": reward, "response": {"meta": {"puid": id}}}
        if truth is not None:
            document["truth"] = {"data": {"ndarray": [[cast(Json, truth)]]}}
        self._ask(name, namespace, "api/v1.0/feedback", document, id)

    def _ask(
        self, name: str, namespace: str, path: str, body: JsonObject | None = None, id: str = ""
    ) -> tuple[JsonObject, str]:
        url = f"{self.url}/seldon/{quote(namespace)}/{quote(name)}/{path}"
        headers = {"Content-Type": "application/json", **({ID: id} if id else {})}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(url, data, headers)
        try:
            with urllib.request.urlopen(asked, timeout=LONGEST_S) as answer:
                return as_object(json.loads(answer.read() or b"{}")), answer.headers.get(ID, "")
        except urllib.error.HTTPError as error:
            raise _refused(error, f"{namespace}/{name}") from error
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"{self.url} does not answer", why=str(error), remedy="See `howdah status`."
            ) from error


def request(rows: Sequence[Row], inputs: Sequence[Input], ignore_others: bool = False) -> JsonObject:
    """The V2 request for `rows`, one tensor a column. Invalid names what is unknown or missing."""
    if len(inputs) == 1 and inputs[0].columns:
        return {"inputs": [_window(rows, inputs[0])]}
    known = [each.name for each in inputs]
    for row in rows:
        unknown = sorted(set(row) - set(known))
        if unknown and not (ignore_others and set(row) & set(known)):
            raise Invalid(f"the model has no input {unknown[0]!r}", remedy=f"It takes {', '.join(known)}.")
    tensors: list[Json] = []
    for each in inputs:
        values = [_value(row.get(each.name), each.name, each.datatype) for row in rows]
        tensors.append(
            {"name": each.name, "datatype": each.datatype, "shape": [len(rows), 1], "data": values}
        )
    return {"inputs": tensors}


def _window(rows: Sequence[Row], wanted: Input) -> JsonObject:
    """The last days as one window; what else stands in a row is passed over."""
    if len(rows) < wanted.days:
        raise Invalid(
            f"the model looks at the last {wanted.days} days, not {len(rows)}",
            remedy="Give its features, a row a day: a file of the repo NAME-features.",
        )
    days = rows[-wanted.days :]
    if missing := [name for name in wanted.columns if any(row.get(name) in (None, "") for row in days)]:
        raise Invalid(
            f"the days say nothing of {missing[0]}", remedy=f"A day has {', '.join(wanted.columns)}."
        )
    values = [_value(row[name], name, wanted.datatype) for row in days for name in wanted.columns]
    shape: list[Json] = [1, wanted.days, len(wanted.columns)]
    return {"name": wanted.name, "datatype": wanted.datatype, "shape": shape, "data": values}


def _input(tensor: JsonObject) -> Input:
    name, datatype = as_text(tensor.get("name")), as_text(tensor.get("datatype"))
    columns = as_text(as_object(tensor.get("parameters")).get("columns"))
    match tensor.get("shape"):
        case [_, int(days), int()] if columns:
            return Input(name, datatype, days, tuple(map(str, as_list(json.loads(columns)))))
    return Input(name, datatype)


def _value(given: object, name: str, datatype: str) -> Json:
    if given is None or given == "":
        return "" if datatype == "BYTES" else None
    if datatype == "BYTES":
        return str(given)
    try:
        return int(str(given)) if "INT" in datatype else float(str(given))
    except ValueError as error:
        raise Invalid(
            f"{name} takes a number, not {given!r}", remedy="Write it as 14.9, without a unit."
        ) from error


def _answer(document: JsonObject, id: str) -> Answer:
    outputs = {
        as_text(each.get("name")): as_list(each.get("data"))
        for each in map(as_object, as_list(document.get("outputs")))
    }
    model = " ".join(
        filter(None, (as_text(document.get("model_name")), as_text(document.get("model_version"))))
    )
    return Answer(id or as_text(document.get("id")), model, outputs)


def _refused(error: urllib.error.HTTPError, name: str) -> HowdahError:
    with error:
        said = error.read().decode(errors="replace").strip()
    try:
        document = as_object(json.loads(said))
        status = as_object(document.get("status"))
        said = as_text(document.get("error")) or as_text(status.get("info")) or said
        said = said.strip()
    except ValueError:
        pass  # not JSON: its text is all there is
    if error.code == 404:
        return NotFound(f"nothing is served as {name}", why=said, remedy="See `howdah kubectl get sdep`.")
    if error.code in NOT_SERVED:
        return Unavailable(f"{name} is not ready", why=said, remedy="See `howdah kubectl describe sdep`.")
    return Invalid(f"{name} refused the request ({error.code})", why=said)
