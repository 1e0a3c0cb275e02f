"""One datum, run here and now beside the daemon: what `howdah datum` does.

The sandbox is the one that a worker would have: same mounts, same environment, same limits.
Inputs come over the wire from the commits that the datum names; nothing is written back. The
code is the working copy: `images/<name>/` as it stands this moment.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from howdah.core.clock import SystemClock
from howdah.core.refs import CommitId, CommitRef
from howdah.errors import Invalid, NotFound
from howdah.pachd.pipelines.datums import InputFile
from howdah.pachd.pipelines.logs import LogQuery, LogStore
from howdah.pachd.pipelines.meta import DatumState, Meta, decode, meta_path
from howdah.pachd.pipelines.refs import DatumId, JobRef, PipelineRef
from howdah.pachd.pipelines.secrets import Secret
from howdah.pachd.pipelines.secrets import parse as parse_secret
from howdah.pachd.pipelines.setup import mounted
from howdah.pachd.pipelines.spec import PipelineSpec, SecretMount, Transform, parse
from howdah.pachd.pipelines.workers.cache import InputCache
from howdah.pachd.pipelines.workers.task import CopiedInput, DatumOutput, DatumTask, WorkerSetup
from howdah.pachd.pipelines.workers.worker import Worker
from howdah.pachd.pipelines.workers.workplace import Places, Workplace, detect_isolation
from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.versions.names import validate_path
from howdah.processes.environments import Environments
from howdah.processes.spawner import Spawner


class RemoteData:
    """Implements `InputData`: files of commits, as the daemon's API gives them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._where: dict[Hash, pfs.File] = {}

    def files(self, file: InputFile) -> Iterator[tuple[str, Content]]:
        for info in self._client.pfs.walk_file(file=_file(file.source.at, file.path)):
            if info.file_type == pfs.FileType.FILE:
                content = Content(info.size_bytes, Hash(info.hash), b"")
                self._where[content.hash] = _file(file.source.at, info.file.path)
                yield info.file.path, content

    def read(self, content: Content) -> Iterator[bytes]:
        with self._client.pfs.pfs_file(self._where[content.hash]) as source:
            while piece := source.read(1 << 20):
                yield piece


@dataclass(frozen=True, slots=True)
class Chosen:
    """A datum and the pipeline that it belongs to."""

    spec: PipelineSpec
    meta: Meta


def pipeline_named(text: str) -> PipelineRef:
    """As a person writes it: `edges`, or `project/edges`."""
    project, _, name = text.rpartition("/")
    return PipelineRef(name, project)


def choose(client: Client, pipeline: PipelineRef, datum: str = "") -> Chosen:
    """The datum whose id begins so, of the pipeline's newest job that has any; the first if "".

    Raises NotFound.
    """
    named = pps.Pipeline(project=pfs.Project(name=pipeline.project), name=pipeline.name)
    info = client.pps.inspect_pipeline(pipeline=named, details=True)
    spec = replace(parse(json.loads(info.effective_spec_json)), salt=info.details.salt)
    for job in client.pps.list_job(pipeline=named, history=-1):
        for found in client.pps.list_datum(job=job.job):
            if found.datum.id.startswith(datum):
                return Chosen(spec, _meta(client, JobRef(pipeline, CommitId(job.job.id)), found.datum.id))
    which = f'datum whose id begins with "{datum}"' if datum else "datum"
    raise NotFound(
        f"no job of pipeline {pipeline.name} has a {which}",
        remedy=f"See `pachctl list job -p {pipeline.name}` and `pachctl list datum {pipeline.name}@<job>`.",
    )


def _meta(client: Client, job: JobRef, id: str) -> Meta:
    with client.pfs.pfs_file(_file(job.meta, meta_path(DatumId(id)))) as source:
        return decode(source.read())


def _file(commit: CommitRef, path: str) -> pfs.File:
    repo = commit.repo
    named = pfs.Repo(name=repo.name, type=repo.type, project=pfs.Project(name=repo.project))
    return pfs.File(commit=pfs.Commit(repo=named, id=commit.id), path=path)


class Bench:
    """A place to run one datum, gone when it is closed."""

    def __init__(
        self,
        client: Client,
        state: Path,
        project: Path,
        outer: Mapping[str, str],
        say: Callable[[str], None],
        secrets: Sequence[Secret] = (),
    ) -> None:
        """`secrets` are those that the pipeline mounts: pachd's API does not give them out."""
        self._secrets = {secret.info.name: secret.data for secret in secrets}
        self._closing = ExitStack()
        self._folder = state / "datum" / str(os.getpid())
        self._folder.mkdir(parents=True, mode=0o700)
        self._closing.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._outer = outer
        self._say = say
        self._said: list[str] = []
        spawner = self._closing.enter_context(Spawner.start())
        clock = SystemClock()
        self._logs = LogStore(self._folder / "logs", clock)
        self._closing.callback(self._logs.close)
        places = Places(state, self._folder / "workers", self._folder / "cache")
        self._workplace = Workplace(
            spawner,
            places,
            RemoteData(client),
            InputCache(places.cache, "here"),
            self._logs,
            Environments(spawner, state, project / "images", outer),
            clock,
            detect_isolation(spawner, self._folder, clock),
            _check_path,
        )
        self._workplace.clean()

    def run(self, chosen: Chosen, into: Path | None, transform: Transform | None = None) -> str:
        """Run the command on the datum; what it left in /pfs/out goes to `into`. Empty when it
        ended well, else the reason. Its output is said line by line when it is over."""
        spec = chosen.spec
        env, files = mounted(self._given(spec.transform.secrets), self._secrets)
        setup = WorkerSetup(
            pipeline=spec.pipeline,
            spec_commit=CommitId(""),
            transform=transform or replace(spec.transform, datum_batching=False),
            limits=spec.limits,
            env=env,
            secret_files=files,
        )
        worker = Worker(self._workplace, setup, self._outer)
        self._closing.callback(worker.close)
        task = DatumTask(chosen.meta.job, chosen.meta.datum, chosen.meta.job.id, 1, spec.datum_timeout_s)
        result = worker.run(task)
        for line in self._logs.read(LogQuery(spec.pipeline)):
            self._said.append(line.message)
            self._say(line.message)
        if result.output is not None:
            if into is not None:
                self._keep(result.output, into)
            result.output.close()
        return "" if result.state is DatumState.PROCESSED else result.reason

    def _given(self, mounts: Sequence[SecretMount]) -> list[SecretMount]:
        for name in sorted({mount.name for mount in mounts} - self._secrets.keys()):
            self._say(
                f"warning: the code runs without the secret {name}, which pachd does not give out; "
                "name the manifest that it was made from with --secret"
            )
        return [mount for mount in mounts if mount.name in self._secrets]

    def private_tmp(self) -> Path | None:
        """The /tmp of the sandbox, from outside; None until there is one."""
        return next(self._workplace.places.workers.glob("*/tmp"), None)

    def last_words(self) -> str:
        return self._said[-1] if self._said else ""

    def _keep(self, output: DatumOutput, into: Path) -> None:
        for file in output:
            target = into / file.path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(file, CopiedInput):
                with target.open("wb") as copy:
                    copy.writelines(self._workplace.data.read(file.content))
            else:
                shutil.copyfile(file.source, target)

    def close(self) -> None:
        self._closing.close()


def _check_path(path: str) -> None:
    validate_path(path)


def secret_in(path: Path) -> Secret:
    """The manifest in a file, as `pachctl create secret -f` takes it. Raises NotFound, Invalid."""
    try:
        document = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
    try:
        return parse_secret(document)
    except Invalid as error:
        raise Invalid(f"{path}: {error}") from error
