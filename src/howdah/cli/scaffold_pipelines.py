"""The pipelines of a new case: as those in `pipelines/` are, so that it can grow into one of them.

A case for tables learns from rows and holds some of them out; one for forecasts learns from the days of
one or many series and holds the last of them out.
"""

from howdah.cli.new_case import FORECAST, NewCase
from howdah.core.json import Json, JsonObject, as_object

FAMILIES = {"regression": "boosting", "classification": "logistic"}
HELD_OUT_DAYS = "60"
TIME_ITSELF = ("gap", "weekday", "month_end")
"""Features that tell the day and so always move: drift in them means nothing."""


def pipelines(case: NewCase) -> dict[str, JsonObject]:
    """Each spec by the part that it plays, in the order in which data flow."""
    name = case.name
    clean = _spec(
        case,
        "clean",
        "Sorts the rows of each file into clean and quarantined by the schema.",
        [_input("raw", f"{name}-raw", "/*"), _input("schema", f"{name}-schema", "/")],
        ["validate", "--data", "/pfs/raw", "--schema", "/pfs/schema"],
    )
    publish = _spec(
        case,
        "publish",
        "Serves the champion: pins the manifest to its commit and applies it.",
        [_input("model", f"{name}-model", "/", "champion"), _input("manifest", f"{name}-manifest", "/")],
        ["publish", "--model", "/pfs/model", "--manifest", "/pfs/manifest", "--repo", f"{name}-model"],
    )
    as_object(publish["transform"])["secrets"] = [
        {"name": "howdah-kubeconfig", "key": "kubeconfig", "env_var": "HOWDAH_KUBECONFIG"}
    ]
    if case.task == FORECAST:
        return {"clean": clean, **_of_days(case), "publish": publish}
    requests = _spec(
        case,
        "request-drift",
        "Is the champion asked about other rows than it learned from?",
        [{"pfs": {"name": "log", "repo": inferences(name), "glob": "/records/*", "lazy": True}}],
        ["request_drift", "--log", "/pfs/log/records", *_champion(name)],
    )
    return {"clean": clean, **_of_rows(case), "publish": publish, "request-drift": requests}


def inferences(name: str) -> str:
    """The inference log of the deployment that the manifest makes."""
    return f"default-{name}-inferences"


def _of_rows(case: NewCase) -> dict[str, JsonObject]:
    name, held_out = case.name, "/pfs/data/held-out"
    learn = ["--name", name, "--target", case.target, "--task", case.task]
    learn += ["--family", FAMILIES[case.task], "--seed", "0"]
    for column in case.left_out:
        learn += ["--leave-out", column]
    return {
        "split": _spec(
            case,
            "split",
            "Holds a fifth of the rows out for good; no model ever learns from them.",
            [_input("clean", f"{name}-clean", "/clean/*")],
            ["split", "--data", "/pfs/clean/clean"],
        ),
        "model": _spec(
            case,
            "model",
            "Trains on the rows that are not held out and writes one bundle.",
            [
                _input("data", f"{name}-split", "/train"),
                _input("schema", f"{name}-schema", "/"),
                _input("retrain", f"{name}-retrain", "/"),
            ],
            ["train", "--data", "/pfs/data", "--schema", "/pfs/schema", *learn],
        ),
        "compare": _spec(
            case,
            "compare",
            "Compares the new model with the champion on the held-out rows.",
            [_input("challenger", f"{name}-model", "/"), _input("data", f"{name}-split", "/held-out")],
            ["compare", "--challenger", "/pfs/challenger", *_champion(name), "--data", held_out],
        ),
        "drift": _spec(
            case,
            "drift",
            "Has the newest data moved away from what the champion learned from?",
            [_input("data", f"{name}-clean", "/clean")],
            ["drift", "--data", "/pfs/data/clean", *_champion(name), "--latest", "1"],
        ),
    }


def _of_days(case: NewCase) -> dict[str, JsonObject]:
    name = case.name
    days = ["--data", "/pfs/data/features", *_champion(name), "--latest", HELD_OUT_DAYS]
    unwatched = [word for column in TIME_ITSELF for word in ("--leave-out", column)]
    learn = ["--data", "/pfs/data/features", "--name", name]
    learn += ["--holdout-days", HELD_OUT_DAYS, "--request", "/pfs/retrain"]
    features = _input("data", f"{name}-features", "/features")
    return {
        "features": _spec(
            case,
            "features",
            "Lays every series on all its days and computes daily changes.",
            [_input("clean", f"{name}-clean", "/clean"), _input("schema", f"{name}-schema", "/")],
            ["features", "--data", "/pfs/clean/clean", "--schema", "/pfs/schema", *case.days],
        ),
        "model": _spec(
            case,
            "model",
            f"Trains an LSTM on all but the last {HELD_OUT_DAYS} days and writes one bundle.",
            [features, _input("retrain", f"{name}-retrain", "/")],
            ["forecast", *learn],
        ),
        "compare": _spec(
            case,
            "compare",
            f"Compares the new model with the champion on the last {HELD_OUT_DAYS} days.",
            [_input("challenger", f"{name}-model", "/"), features],
            ["compare", "--challenger", "/pfs/challenger", *days],
        ),
        "drift": _spec(
            case,
            "drift",
            f"Are the last {HELD_OUT_DAYS} days unlike any that the champion learned from?",
            [features],
            ["drift", *days, *unwatched],
        ),
    }


def _champion(name: str) -> list[str]:
    return ["--champion", f"{name}-model@champion"]


def _input(name: str, repo: str, glob: str, branch: str = "") -> Json:
    pfs: JsonObject = {"name": name, "repo": repo, "glob": glob}
    return {"pfs": pfs | {"branch": branch} if branch else pfs}


def _spec(case: NewCase, part: str, description: str, inputs: list[Json], step: list[str]) -> JsonObject:
    command: list[Json] = ["python", "-m", f"howdah.steps.{step[0]}", *step[1:]]
    return {
        "pipeline": {"name": f"{case.name}-{part}"},
        "description": description,
        "input": inputs[0] if len(inputs) == 1 else {"cross": inputs},
        "transform": {"image": case.image, "cmd": command},
        "datum_tries": 2,
    }
