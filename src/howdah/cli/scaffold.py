"""The files of a new case, as text: pipelines, image, policy, manifest, a test, and what to type.

Pure: a name, a target and the inferred schema in, a mapping of paths to texts out. What it writes is
what the cases in `pipelines/` are made of, so a newcomer's case can grow into one of those.
"""

import json
import shlex

from howdah.cli.new_case import FORECAST, NewCase
from howdah.cli.scaffold_pipelines import inferences, pipelines

IMAGE, SERVER = "howdah/tabular:0.1.0", "howdah/bundle-server:0.1.0"


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
            name=case.name, commands="\n".join(commands(case)), image=case.image, target=case.target
        ),
        f"images/{case.name}/Dockerfile": DOCKERFILE.format(name=case.name, image=case.image, base=IMAGE),
        f"seldon/{case.name}/deployment.yaml": MANIFEST.format(name=case.name, server=SERVER),
        f"tests/test_{case.name.replace('-', '_')}.py": TEST.format(name=case.name, target=case.target),
    }


def commands(case: NewCase) -> list[str]:
    """What to type, in this order, from nothing to a prediction."""
    name, folder = case.name, f"pipelines/{case.name}"
    repos = ("raw", "schema", "retrain", "manifest", "policy")
    log = [] if case.task == FORECAST else [f"pachctl create repo {inferences(name)}"]
    return [
        "howdah up --detach --context",
        *(f"pachctl create repo {name}-{repo}" for repo in repos),
        *log,
        f"pachctl put file {name}-schema@master -f {folder}/schema.json",
        f"pachctl put file {name}-manifest@master -f seldon/{name}/deployment.yaml",
        f"pachctl put file {name}-policy@master -f {folder}/policy.yaml",
        f"cat {folder}/[1-{len(pipelines(case))}]-*.json | pachctl create pipeline",
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
DOCKERFILE = """\
# What the steps of {name} run in: Howdah's own, and what stands in this folder.
# Beside the daemon nothing is built. For a cluster, from the project's folder:
#   docker build -f images/{name}/Dockerfile -t {image} .
FROM {base}
COPY images/{name} /app
"""
README = """\
# {name}

Predicts `{target}`. Look at `schema.json` first: it is the contract that every row has to keep, and
was guessed from one file. Then, in the project's folder:

```
{commands}
```

The steps run in the image `{image}`, the folder `images/{name}/`: what you put there stands under `/app`,
so that a step of your own, `images/{name}/mine.py`, is `"cmd": ["python", "/app/mine.py"]` in a spec.
Beside the daemon nothing has to be built. If your code needs other libraries, give it a folder of its own
under `images/` with a `requirements.txt` that names them, and name that folder as the image.
"""
TEST = '''\
"""The files of the case {name} fit together."""

import json
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
