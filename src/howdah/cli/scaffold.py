"""The files of a new case, as text: pipelines, policy, manifest, a test, and what to type.

Pure: a name, a target and the inferred schema in, a mapping of paths to texts out. What it writes is
what the cases in `pipelines/` are made of, so a newcomer's case can grow into one of those.
"""

import json
import shlex
from dataclasses import dataclass

from howdah.core.json import Json, JsonObject, as_list, as_object, as_text

IMAGE, SERVER = "howdah/tabular:0.1.0", "howdah/bundle-server:0.1.0"
FAMILIES = {"regression": "boosting", "classification": "logistic"}


@dataclass(frozen=True, slots=True)
class NewCase:
    name: str
    task: str
    target: str
    schema: JsonObject
    data: str
    """The data file, as the commands to type name it."""

    @property
    def left_out(self) -> list[str]:
        """Columns that a first model does not learn from: free text, identifiers, dates."""
        return [
            as_text(column.get("name"))
            for column in map(as_object, as_list(self.schema.get("columns")))
            if column.get("name") != self.target
            and (
                column.get("kind") == "date"
                or (column.get("kind") == "category" and not column.get("levels"))
            )
        ]


def guess_task(schema: JsonObject, target: str) -> str:
    columns = map(as_object, as_list(schema.get("columns")))
    kind = next((column.get("kind") for column in columns if column.get("name") == target), None)
    return "regression" if kind == "number" else "classification"


def files(case: NewCase) -> dict[str, str]:
    """Every file by its path below the project's folder."""
    folder = f"pipelines/{case.name}"
    written = {
        f"{folder}/{place}-{part}.json": json.dumps(spec, indent=2) + "\n"
        for place, (part, spec) in enumerate(pipelines(case).items(), 1)
    }
    return written | {
        f"{folder}/schema.json": json.dumps(case.schema, indent=2) + "\n",
        f"{folder}/policy.yaml": POLICY.format(name=case.name),
        f"{folder}/README.md": README.format(
            name=case.name, commands="\n".join(commands(case)), image=IMAGE, target=case.target
        ),
        f"seldon/{case.name}/deployment.yaml": MANIFEST.format(name=case.name, server=SERVER),
        f"tests/test_{case.name.replace('-', '_')}.py": TEST.format(name=case.name, target=case.target),
    }


def pipelines(case: NewCase) -> dict[str, JsonObject]:
    name = case.name
    model = ["--name", name, "--target", case.target, "--task", case.task]
    model += ["--family", FAMILIES[case.task], "--seed", "0"]
    for column in case.left_out:
        model += ["--leave-out", column]
    champion = f"{name}-model@champion"
    kubeconfig: Json = [{"name": "howdah-kubeconfig", "key": "kubeconfig", "env_var": "HOWDAH_KUBECONFIG"}]
    specs = {
        "clean": _spec(
            f"{name}-clean",
            "Sorts the rows of each file into clean and quarantined by the schema.",
            [_input("raw", f"{name}-raw", "/*"), _input("schema", f"{name}-schema", "/")],
            ["validate", "--data", "/pfs/raw", "--schema", "/pfs/schema"],
        ),
        "split": _spec(
            f"{name}-split",
            "Holds a fifth of the rows out for good; no model ever learns from them.",
            [_input("clean", f"{name}-clean", "/clean/*")],
            ["split", "--data", "/pfs/clean/clean"],
        ),
        "model": _spec(
            f"{name}-model",
            "Trains on the rows that are not held out and writes one bundle.",
            [
                _input("data", f"{name}-split", "/train"),
                _input("schema", f"{name}-schema", "/"),
                _input("retrain", f"{name}-retrain", "/"),
            ],
            ["train", "--data", "/pfs/data", "--schema", "/pfs/schema", *model],
        ),
        "compare": _spec(
            f"{name}-compare",
            "Compares the new model with the champion on the held-out rows.",
            [_input("challenger", f"{name}-model", "/"), _input("data", f"{name}-split", "/held-out")],
            [
                "compare",
                "--challenger",
                "/pfs/challenger",
                "--champion",
                champion,
                "--data",
                "/pfs/data/held-out",
            ],
        ),
        "drift": _spec(
            f"{name}-drift",
            "Has the newest data moved away from what the champion learned from?",
            [_input("data", f"{name}-clean", "/clean")],
            ["drift", "--data", "/pfs/data/clean", "--champion", champion, "--latest", "1"],
        ),
        "publish": _spec(
            f"{name}-publish",
            "Serves the champion: pins the manifest to its commit and applies it.",
            [_input("model", f"{name}-model", "/", "champion"), _input("manifest", f"{name}-manifest", "/")],
            ["publish", "--model", "/pfs/model", "--manifest", "/pfs/manifest", "--repo", f"{name}-model"],
        ),
        "request-drift": _spec(
            f"{name}-request-drift",
            "Is the champion asked about other rows than it learned from?",
            [{"pfs": {"name": "log", "repo": inferences(name), "glob": "/records/*", "lazy": True}}],
            ["request_drift", "--log", "/pfs/log/records", "--champion", champion],
        ),
    }
    as_object(specs["publish"]["transform"])["secrets"] = kubeconfig
    return specs


def inferences(name: str) -> str:
    """The inference log of the deployment that the manifest makes."""
    return f"default-{name}-inferences"


def _input(name: str, repo: str, glob: str, branch: str = "") -> Json:
    pfs: JsonObject = {"name": name, "repo": repo, "glob": glob}
    return {"pfs": pfs | {"branch": branch} if branch else pfs}


def _spec(name: str, description: str, inputs: list[Json], step: list[str]) -> JsonObject:
    command: list[Json] = ["python", "-m", f"howdah.steps.{step[0]}", *step[1:]]
    return {
        "pipeline": {"name": name},
        "description": description,
        "input": inputs[0] if len(inputs) == 1 else {"cross": inputs},
        "transform": {"image": IMAGE, "cmd": command},
        "datum_tries": 2,
    }


def commands(case: NewCase) -> list[str]:
    """What to type, in this order, from nothing to a prediction."""
    name, folder = case.name, f"pipelines/{case.name}"
    repos = ("raw", "schema", "retrain", "manifest", "policy")
    return [
        "howdah up --detach --context",
        *(f"pachctl create repo {name}-{repo}" for repo in repos),
        f"pachctl create repo {inferences(name)}",
        f"pachctl put file {name}-schema@master -f {folder}/schema.json",
        f"pachctl put file {name}-manifest@master -f seldon/{name}/deployment.yaml",
        f"pachctl put file {name}-policy@master -f {folder}/policy.yaml",
        f"cat {folder}/[1-7]-*.json | pachctl create pipeline",
        f"pachctl put file {name}-raw@master -f {shlex.quote(case.data)}",
        f"pachctl wait commit {name}-compare@master",
    ]


POLICY = """\
# What may happen to the case `{name}` by itself.
paused: false            # true: decide nothing, record what would have been decided
retrain:
  drifted_columns: 1     # ask for a retraining when at least this many inputs drifted
  per_day: 4             # and never more often than this in 24 hours
promote:
  p_value_at_most: 0.05  # how likely chance alone may be to explain the improvement
  improvement_at_least: 0.0
  rows_at_least: 10
"""
MANIFEST = """\
# Serves the champion of {name}; the publish step pins the model's address to one commit.
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: {name}
  namespace: default
spec:
  protocol: v2
  predictors:
    - name: champion
      replicas: 1
      traffic: 100
      graph:
        name: {name}
        type: MODEL
        modelUri: s3://master.{name}-model.default
        envSecretRefName: howdah-pachd
        logger:
          mode: all
      componentSpecs:
        - spec:
            containers:
              - name: {name}
                image: {server}
      explainer:           # what `howdah explain {name}` asks; leave it out if nobody does
        type: KernelShap
        modelUri: s3://master.{name}-model.default
        envSecretRefName: howdah-pachd
"""
README = """\
# {name}

Predicts `{target}`. Look at `schema.json` first: it is the contract that every row has to keep, and
was guessed from one file. Then, in the project's folder:

```
{commands}
```

The steps run in the image `{image}`, which comes with Howdah. For steps of your own make a folder
`images/{name}/` with a `requirements.txt` and your code, and name `{name}` as the image in the specs.
"""
TEST = '''\
"""The files of the case {name} fit together."""

import json
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "pipelines" / "{name}"


def test_the_target_is_in_the_schema():
    schema = json.loads((FOLDER / "schema.json").read_text())
    assert {target!r} in [column["name"] for column in schema["columns"]]


def test_every_pipeline_reads_what_another_writes_or_a_person_puts():
    specs = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("[1-9]-*.json"))]
    written = {{spec["pipeline"]["name"] for spec in specs}}
    put = {{"{name}-" + part for part in ("raw", "schema", "retrain", "manifest", "policy")}}
    put.add("default-{name}-inferences")
    for spec in specs:
        inputs = spec["input"].get("cross", [spec["input"]])
        assert {{each["pfs"]["repo"] for each in inputs}} <= written | put
'''
