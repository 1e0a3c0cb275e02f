"""`howdah predict`, `explain` and `feedback`: a deployed model from the command line."""

import json
import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from howdah.cli import completing, rows
from howdah.cli.pachctl.printing import table
from howdah.cli.surroundings import IngressUrl, Namespace, State, ingress
from howdah.core.json import Json, as_object
from howdah.errors import NotFound, Unavailable

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The deployment.", show_default=False, autocompletion=completing.deployments
    ),
]
Words = Annotated[
    list[str] | None, typer.Argument(metavar="[INPUT=VALUE]…", help="One row.", show_default=False)
]
File = Annotated[str | None, typer.Option("--file", "-f", help="Rows as CSV or JSON; - reads stdin.")]
Wait = Annotated[float, typer.Option(min=0, help="Wait this many seconds for it to be served.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
AGAIN_S = 0.5


def predict(
    name: Name,
    words: Words = None,
    file: File = None,
    wait: Wait = 0,
    namespace: Namespace = "default",
    as_json: AsJson = False,
    url: IngressUrl = None,
    state: State = None,
) -> None:
    """Ask a deployed model; prints its answers, and on stderr the prediction's id.

    Inputs that are left out are missing values, where the model allows them. A file may have other
    columns, too.

    Examples:

      howdah predict mileage Cylinders=4 Weight_in_lbs=2300 Horsepower=90

      howdah predict mileage -f cars.csv --json
    """
    found = rows.given(words or [], file)
    there = ingress(url, state)
    answer = _patiently(lambda: there.predict(name, found, namespace, ignore_others=file is not None), wait)
    if as_json:
        document = {"id": answer.id, "model": answer.model, "outputs": answer.outputs}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    columns = list(answer.outputs)
    table(columns, ([_shown(row[column]) for column in columns] for row in answer.rows()))
    sys.stderr.write(f"prediction {answer.id}\n")


def explain(
    name: Name,
    words: Words = None,
    file: File = None,
    predictor: Annotated[str, typer.Option(help="Whose explainer.")] = "champion",
    wait: Wait = 0,
    namespace: Namespace = "default",
    as_json: AsJson = False,
    url: IngressUrl = None,
    state: State = None,
) -> None:
    """Ask why a model answers as it does: its explainer's words, input by input.

    Example: howdah explain mileage Cylinders=4 Weight_in_lbs=2300 Horsepower=90
    """
    asked = rows.given(words or [], file)
    there, others = ingress(url, state), file is not None
    told = _patiently(lambda: there.explain(name, asked, namespace, predictor, ignore_others=others), wait)
    shares = as_object(told.get("shares"))
    if as_json or not shares:
        sys.stdout.write(json.dumps(told, indent=None if as_json else 2) + "\n")
        return
    sys.stdout.write(f"answer {_shown(told['prediction'])}, on average {_shown(told['base'])}\n")
    table(("INPUT", "SHARE"), ((input, f"{float(str(share)):+.4g}") for input, share in shares.items()))


def feedback(
    name: Name,
    id: Annotated[str, typer.Argument(metavar="PREDICTION", help="Its id.", show_default=False)],
    truth: Annotated[str | None, typer.Option(help="What it should have answered.")] = None,
    reward: Annotated[float, typer.Option(help="How good the answer was.")] = 0.0,
    namespace: Namespace = "default",
    url: IngressUrl = None,
    state: State = None,
) -> None:
    """Tell what a prediction should have been; it goes into the inference log beside it.

    Example: howdah feedback mileage 5c2f… --truth 31.5
    """
    ingress(url, state).feedback(name, id, _number(truth), reward, namespace)


def _patiently[T](ask: Callable[[], T], wait_s: float) -> T:
    """Asks again until it is served; the last refusal counts."""
    end = time.monotonic() + wait_s
    while True:
        try:
            return ask()
        except (NotFound, Unavailable):
            if time.monotonic() >= end:
                raise
        time.sleep(AGAIN_S)


def _shown(value: Json) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _number(text: str | None) -> object | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
