"""What can go wrong with pipelines and jobs. Clients match some of these texts."""

from collections.abc import Sequence

from howdah.errors import AlreadyExists, Conflict, Invalid, NotFound
from howdah.pachd.pipelines.refs import DatumId, JobRef, PipelineRef


class PipelineNotFound(NotFound):
    def __init__(self, pipeline: PipelineRef) -> None:
        super().__init__(f'pipeline "{pipeline}" not found')
        self.pipeline = pipeline


class PipelineExists(AlreadyExists):
    def __init__(self, pipeline: PipelineRef) -> None:
        super().__init__(f'pipeline "{pipeline}" already exists')
        self.pipeline = pipeline


class NameTaken(Conflict):
    def __init__(self, pipeline: PipelineRef) -> None:
        super().__init__(
            f'pipeline "{pipeline.name}" cannot be created because a repo with the same name already exists'
        )
        self.pipeline = pipeline


class JobNotFound(NotFound):
    def __init__(self, job: JobRef) -> None:
        super().__init__(f"job {job} not found")
        self.job = job


class JobFinished(Conflict):
    def __init__(self, job: JobRef) -> None:
        super().__init__(f"job {job} has already finished")
        self.job = job


class DatumNotFound(NotFound):
    def __init__(self, datum: DatumId, job: JobRef) -> None:
        super().__init__(f"datum {datum} not found in job {job}")
        self.datum = datum
        self.job = job


class NoDatumMatches(NotFound):
    def __init__(self, filters: Sequence[str], job: JobRef) -> None:
        super().__init__(
            f"datum matching filter [{' '.join(filters)}] could not be found for job ID {job.id}"
        )
        self.job = job


class NoCronInput(Invalid):
    def __init__(self) -> None:
        super().__init__("pipeline doesn't have a cron input")


class RepoBelongsToPipeline(Conflict):
    def __init__(self) -> None:
        super().__init__("cannot delete a repo associated with a pipeline - delete the pipeline instead")


class OutputFinishedByHand(Conflict):
    def __init__(self) -> None:
        super().__init__("cannot finish a pipeline output or meta commit, use 'stop job' instead")


class SecretNotFound(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f'secrets "{name}" not found')
        self.name = name


class SecretExists(AlreadyExists):
    def __init__(self, name: str) -> None:
        super().__init__(f'secrets "{name}" already exists')
        self.name = name
