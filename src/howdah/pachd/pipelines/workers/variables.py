"""The environment that user code finds: the worker contract's variables, name by name."""

import posixpath
import re
from collections.abc import Mapping

from howdah.pachd.pipelines.workers.task import DatumTask, WorkerSetup

NAMESPACE = "default"
TOKENS = ("PACH_TOKEN", "PACH_PYTHON_AUTH_TOKEN")
"""Where Pachyderm's workers have their token, and where the Python SDK looks for one."""
CODE_HASH = "HOWDAH_CODE_HASH"
"""What a step notes in its bundle: no variable of Pachyderm's, since an image's tag names its code there."""
WORKER_PORT = "PPS_WORKER_GRPC_PORT"


def of_worker(setup: WorkerSetup, base: Mapping[str, str], code: str = "") -> dict[str, str]:
    """What stays the same from datum to datum. `base` is the image's: PATH, HOME, …; `code` the hash
    of its code, where the project describes it."""
    return {
        **base,
        "PACH_NAMESPACE": NAMESPACE,
        "PPS_NAMESPACE": NAMESPACE,
        "PPS_PROJECT_NAME": setup.pipeline.project,
        "PPS_PIPELINE_NAME": setup.pipeline.name,
        "PPS_SPEC_COMMIT": setup.spec_commit,
        "PPS_POD_NAME": setup.pod_name,
        **({CODE_HASH: code} if code else {}),
        **setup.env,
        **setup.transform.env,
    }


def of_job(task: DatumTask) -> dict[str, str]:
    return {"PACH_JOB_ID": task.job.id, "PACH_OUTPUT_COMMIT_ID": task.output_commit}


def of_datum(task: DatumTask, pfs: str) -> dict[str, str]:
    """`pfs` is where user code sees /pfs. Of several files of one input, the last one is named."""
    found: dict[str, str] = {}
    for file in task.datum.inputs:
        name = file.source.name
        found[name] = posixpath.normpath(f"{pfs}/{name}/{file.path}")
        found[f"{name}_COMMIT"] = file.source.commit
        if file.join_on:
            found[f"PACH_DATUM_{name}_JOIN_ON"] = file.join_on
        if file.group_by:
            found[f"PACH_DATUM_{name}_GROUP_BY"] = file.group_by
    return {**found, "PACH_DATUM_ID": task.datum.id, **of_job(task)}


def dotenv(variables: Mapping[str, str]) -> list[str]:
    """Lines that a dotenv reader turns into exactly these values."""
    return [f"{name}={_quoted(value)}" for name, value in variables.items()]


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w./:@%+,=-]*", value, re.ASCII):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def moved(text: str, folder: str, place: str) -> str:
    """A command's text for a plain process: `folder`, where it stands for the folder, becomes `place`."""
    return re.sub(rf"(?<![\w./-]){re.escape(folder)}(?=$|[^\w.-])", lambda _: place, text)
