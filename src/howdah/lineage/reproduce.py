"""Trains a model again from what is on record, and says whether the same comes out.

The job's one datum is laid out from the commits that it read, the recorded command runs on
it in a process of its own with the recorded parameters and seed, and every file of the
result is set beside the committed one. Nothing is written to any repo. What cannot be
brought back is said, not guessed: a command that is no step of Howdah's writes to /pfs/out,
which only a worker has, and is refused. The step runs in the image's own environment where it
has requirements, and else in the Python that asks; where its code or its libraries are not
those of the record today, that is said.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from howdah.client.files import Files
from howdah.client.pachd import Fields, Pachd
from howdah.core.json import Json, JsonObject, as_object
from howdah.errors import Invalid, Unavailable
from howdah.lineage import models
from howdah.lineage.models import Model
from howdah.processes.environments import Environments, code_id, folder_name
from howdah.processes.spawner import Spawner

STEP = "howdah.steps."
TOLD_AT_MOST = 5


class Verdict(StrEnum):
    BYTES = "identical bytes"
    PREDICTIONS = "identical predictions"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Reproduction:
    model: str
    verdict: Verdict
    files: int
    differences: tuple[str, ...]
    """Which files differ and where, in words."""
    circumstances: tuple[str, ...] = ()
    """What was not today as it was then: the image's code, the libraries."""

    def as_json(self) -> JsonObject:
        document: JsonObject = json.loads(json.dumps(asdict(self)))
        return document


def reproduce(
    pachd: Pachd,
    commit: str,
    folder: Path,
    environment: Mapping[str, str],
    project: Path,
    state: Path,
    say: Callable[[str], None],
) -> Reproduction:
    """Uses `folder`, which should be empty: inputs/, out/ (the model again), recorded/ (as committed).

    `project` is the folder whose images/ describe today's code. `state` keeps environments that
    are built for it; `say` hears how that goes.
    """
    found = models.find(pachd, commit)
    files = Files(pachd)
    inputs, out, recorded = folder / "inputs", folder / "out", folder / "recorded"
    python = _python(found.job.image, environment, project, state, say)
    command = _command(python, found, inputs, out)
    sources = _lay_out(pachd, files, found, inputs)
    _take(files, f"{found.repo}@{commit}", "/", recorded)
    today = code_id(project / "images", found.job.image)
    _run(command, _environment(found, sources, environment, today))
    told = differences(recorded, out)
    verdict = Verdict.BYTES
    if told:
        different = _answers_differ(python, recorded, out, folder / "agreement", environment)
        verdict = Verdict.DIFFERENT if different else Verdict.PREDICTIONS
        told += different
    now = {**json.loads((out / "model.json").read_bytes()), "code": today}
    apart = circumstances(found.job.image, found.manifest, now)
    return Reproduction(f"{found.repo}@{commit}", verdict, len(_names(recorded, out)), told, apart)


def circumstances(image: str, then: JsonObject, now: JsonObject) -> tuple[str, ...]:
    """What two model.json say of the code and the libraries, where that is not the same."""
    told = []
    was, is_ = str(then.get("code") or ""), str(now.get("code") or "")
    if is_ and not was:
        told.append(f"which code of image {image} it was made with is not on record; today's is {is_}")
    elif was != is_:
        today = f"is {is_} today" if is_ else "is not described in this folder's images/"
        told.append(f"made with other code: image {image} was {was}, {today}")
    before, after = (as_object(side.get("libraries")) for side in (then, now))
    moved = [
        f"{name} {before.get(name, 'not noted')} then, {after.get(name, 'missing')} now"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    if moved:
        told.append(f"made again in another environment: {'; '.join(moved)}")
    return tuple(told)


def differences(recorded: Path, out: Path) -> tuple[str, ...]:
    """Each file that is not the same bytes in both folders, and where it parts; JSON by key."""
    differing = [name for name in _names(recorded, out) if not _same(recorded / name, out / name)]
    return tuple(sentence for name in differing for sentence in _told(name, recorded / name, out / name))


def _lay_out(pachd: Pachd, files: Files, found: Model, folder: Path) -> dict[str, str]:
    """The inputs of the job's one datum, as a worker lays them below /pfs; each one's commit by name."""
    project, _, name = found.repo.partition("/")
    owner = pachd.message("pfs_v2.Project", name=project)
    pipeline = pachd.message("pps_v2.Pipeline", project=owner, name=name)
    job = pachd.message("pps_v2.Job", pipeline=pipeline, id=found.job.id)
    datums = list(pachd.stream("pps_v2.API/ListDatum", job=job))
    if len(datums) != 1:
        raise Invalid(
            f"job {name}@{found.job.id} has {len(datums)} datums",
            why="A model is made again from one datum, so that one command explains the whole bundle.",
        )
    leaves = list(_leaves(pachd.call("pps_v2.API/InspectJob", job=job, details=True).details.input))
    sources = {}
    for leaf, info in zip(leaves, datums[0].data, strict=True):
        commit = info.file.commit
        named = f"{commit.repo.project.name}/{commit.repo.name}@{commit.id}"
        _take(files, named, info.file.path, folder / leaf.name)
        sources[leaf.name] = str(commit.id)
    return sources


def _leaves(node: Fields) -> Iterator[Fields]:
    if node.HasField("pfs"):
        yield node.pfs
    for side in ("cross", "join", "group", "union"):
        for each in getattr(node, side):
            yield from _leaves(each)


def _take(files: Files, commit: str, below: str, folder: Path) -> None:
    for path in files.paths(commit, below):
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files.read(commit, path))


def _python(
    image: str, environment: Mapping[str, str], project: Path, state: Path, say: Callable[[str], None]
) -> str:
    images = project / "images"
    if not (images / folder_name(image) / "requirements.txt").is_file():
        return sys.executable
    with Spawner.start() as spawner:
        made = Environments(spawner, state, images, environment).prepare(image, say)
    return str(made.path[0] / "python")


def _command(python: str, found: Model, inputs: Path, out: Path) -> list[str]:
    words = found.job.command
    if len(words) < 3 or words[1] != "-m" or not words[2].startswith(STEP):
        raise Invalid(
            f"the model was made by `{' '.join(words)}`, which is no step of Howdah's",
            why="Only a step can be told to write elsewhere than /pfs/out.",
            remedy=f"Run it as it was: howdah datum run {found.job.pipeline}",
        )
    moved = [
        f"{inputs}{word.removeprefix('/pfs')}" if word.startswith("/pfs/") else word for word in words[3:]
    ]
    return [python, "-m", words[2], *moved, "--out", str(out)]


def _environment(
    found: Model, sources: Mapping[str, str], outer: Mapping[str, str], code: str
) -> dict[str, str]:
    """As a worker would tell it: a datum that was skipped since keeps the commits it was made from,
    and a record without a code hash gets none."""
    then = found.manifest.get("sources")
    read = {**sources, **({str(k): str(v) for k, v in then.items()} if isinstance(then, dict) else {})}
    commits = {f"{name}_COMMIT": commit for name, commit in read.items()}
    return {**outer, **commits, "HOWDAH_CODE_HASH": code if found.manifest.get("code") else ""}


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    ran = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        last = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Unavailable(f"the recorded command fails today with exit code {ran.returncode}: {last}")


def _names(*folders: Path) -> list[str]:
    return sorted(
        {str(path.relative_to(folder)) for folder in folders for path in folder.rglob("*") if path.is_file()}
    )


def _same(was: Path, now: Path) -> bool:
    return was.exists() and now.exists() and was.read_bytes() == now.read_bytes()


def _told(name: str, was: Path, now: Path) -> list[str]:
    if not now.exists():
        return [f"{name} was not written again"]
    if not was.exists():
        return [f"{name} is new"]
    if name.endswith(".json"):
        pairs = list(_unequal("", json.loads(was.read_bytes()), json.loads(now.read_bytes())))
        more = [f"{name}: and {len(pairs) - TOLD_AT_MOST} more"] if len(pairs) > TOLD_AT_MOST else []
        return [f"{name}: {pair}" for pair in pairs[:TOLD_AT_MOST]] + more
    before, after = was.read_bytes(), now.read_bytes()
    pairs_met = enumerate(zip(before, after, strict=False))
    place = next((at for at, (one, other) in pairs_met if one != other), min(len(before), len(after)))
    return [f"{name} differs from byte {place} on ({len(before)} bytes then, {len(after)} now)"]


def _unequal(where: str, was: Json, now: Json) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted({*was, *now}):
            yield from _unequal(f"{where}.{key}".lstrip("."), was.get(key), now.get(key))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for place, (before, after) in enumerate(zip(was, now, strict=True)):
            yield from _unequal(f"{where}[{place}]", before, after)
    elif was != now:
        yield f"{where} was {was!r}, is {now!r}"


def _answers_differ(
    python: str, recorded: Path, out: Path, told: Path, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Both bundles answer the same rows, in a process that holds the libraries for it."""
    words = ["--model", str(recorded), "--other", str(out), "--out", str(told)]
    _run([python, "-m", f"{STEP}agree", *words], environment)
    found = json.loads((told / "agreement.json").read_bytes())
    return tuple(found["differences"])
