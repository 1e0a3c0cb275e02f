"""Jobs in step with commits, in one database, without files or workers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.core.refs import BranchRef, CommitId, CommitRef, RepoRef
from howdah.errors import Conflict, Invalid
from howdah.pachd.pipelines import changing_jobs, operations, secrets, tables
from howdah.pachd.pipelines.births import Births
from howdah.pachd.pipelines.errors import (
    JobNotFound,
    NameTaken,
    PipelineExists,
    PipelineNotFound,
    SecretExists,
    SecretNotFound,
)
from howdah.pachd.pipelines.records import JobInfo, JobState, PipelineInfo, PipelineState
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.versions import Transaction, Versions
from howdah.pachd.versions.errors import RepoNotFound
from howdah.pachd.versions.opening import OpenStore
from howdah.pachd.versions.tables import Content

RAW = BranchRef(RepoRef("raw"), "master")


class House:
    """Versions with jobs, and short ways to do the everyday things."""

    def __init__(self, versions: Versions) -> None:
        self.versions = versions
        self.versions.register(Births())
        self.versions.transact(lambda tx: tx.create_repo(RAW.repo))

    def create(
        self, name: str, reads: str = "raw", update: bool = False, reprocess: bool = False, **more: object
    ):
        spec = {
            "pipeline": {"name": name},
            "input": {"pfs": {"repo": reads, "glob": "/*"}},
            "transform": {"cmd": ["true"]},
        }
        text = json.dumps(spec | more)

        def change(tx: Transaction) -> PipelineInfo:
            return operations.create(tx, operations.effective(tx, text), update=update, reprocess=reprocess)

        return self.versions.transact(change)

    def commit(self) -> CommitId:
        def change(tx: Transaction) -> CommitId:
            ref = tx.start_commit(RAW)
            tx.complete_commit(tx.finish_commit(ref), error="", size_bytes=0, content=Content(None, None))
            return ref.id

        return self.versions.transact(change)

    def finish(self, commit: CommitRef, error: str = "") -> None:
        """What the finisher does in the background."""

        def change(tx: Transaction) -> None:
            info = tx.view.commit(commit)
            if not info.finished:
                tx.complete_commit(info, error=error, size_bytes=0, content=Content(None, None))

        self.versions.transact(change)

    def jobs(self, name: str) -> list[JobState]:
        with self.versions.view() as view:
            return [job.state for job in tables.jobs(view.connection, PipelineRef(name), oldest_first=True)]

    def job(self, name: str, id: CommitId) -> JobInfo:
        with self.versions.view() as view:
            info = tables.job(view.connection, JobRef(PipelineRef(name), id))
        assert info is not None
        return info

    def run_job(self, name: str, id: CommitId, error: str = "") -> None:
        info = self.job(name, id)

        def work(tx: Transaction) -> None:
            changing_jobs.to_state(tx, info, JobState.RUNNING)
            changing_jobs.finish_work(tx, changing_jobs.require(tx, info.ref))

        self.versions.transact(work)
        self.finish(info.ref.output, error)
        self.finish(info.ref.meta)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    store = OpenStore(tmp_path, schemas=[tables.SCHEMA])
    yield House(store.versions)
    store.close()


def test_a_pipeline_begins_with_a_job_and_every_commit_brings_one(house: House) -> None:
    info = house.create("edges")
    assert (info.version, info.state) == (1, PipelineState.STARTING)
    assert house.jobs("edges") == [JobState.CREATED]
    id = house.commit()
    assert house.job("edges", id).state is JobState.CREATED
    with house.versions.view() as view:
        repos = {str(repo.ref) for repo in view.repos()}
        commit = view.commit(CommitRef(RepoRef("edges"), id))
        assert {str(up.repo) for up in commit.direct_provenance} == {"default/raw", "default/edges.spec"}
    assert repos == {"default/raw", "default/edges", "default/edges.spec", "default/edges.meta"}


def test_a_job_succeeds_when_its_output_commit_is_finished(house: House) -> None:
    house.create("edges")
    id = house.commit()
    job = house.job("edges", id)
    house.versions.transact(lambda tx: changing_jobs.to_state(tx, job, JobState.RUNNING))
    house.versions.transact(lambda tx: changing_jobs.finish_work(tx, changing_jobs.require(tx, job.ref)))
    assert house.job("edges", id).state is JobState.FINISHING
    house.finish(job.ref.output)
    done = house.job("edges", id)
    assert done.state is JobState.SUCCESS
    assert done.started_ns is not None and done.finished_ns is not None
    with house.versions.view() as view:
        assert not view.commit(job.ref.meta).open


def test_an_invalid_output_fails_the_job_and_its_meta(house: House) -> None:
    house.create("edges")
    id = house.commit()
    house.run_job("edges", id, error="duplicate path output by different datums")
    assert house.job("edges", id).state is JobState.FAILURE
    assert "duplicate path" in house.job("edges", id).reason
    with house.versions.view() as view:
        assert "duplicate path" in view.commit(house.job("edges", id).ref.meta).error


def test_downstream_jobs_share_the_id(house: House) -> None:
    house.create("edges")
    house.create("montage", reads="edges")
    id = house.commit()
    assert house.job("edges", id).ref.id == house.job("montage", id).ref.id == id


def test_update_kills_what_is_unfinished_and_keeps_salt_and_stop(house: House) -> None:
    first = house.create("edges")
    with pytest.raises(PipelineExists):
        house.create("edges")
    second = house.create("edges", update=True)
    assert (second.version, second.salt) == (2, first.salt)
    assert house.jobs("edges") == [JobState.KILLED, JobState.CREATED]
    third = house.create("edges", update=True, reprocess=True)
    assert third.salt != first.salt
    house.versions.transact(lambda tx: operations.stop(tx, third.ref))
    fourth = house.create("edges", update=True)
    assert fourth.stopped and fourth.state is PipelineState.PAUSED
    before = house.jobs("edges")
    house.commit()
    assert house.jobs("edges") == before


def test_stop_takes_the_provenance_and_start_gives_a_new_job(house: House) -> None:
    info = house.create("edges")
    house.versions.transact(lambda tx: operations.stop(tx, info.ref))
    assert house.jobs("edges") == [JobState.KILLED]
    house.commit()
    assert len(house.jobs("edges")) == 1
    house.versions.transact(lambda tx: operations.start(tx, info.ref))
    assert house.jobs("edges") == [JobState.KILLED, JobState.CREATED]
    house.versions.transact(lambda tx: operations.rerun(tx, info.ref, reprocess=True))
    assert len(house.jobs("edges")) == 3


def test_stopping_a_job_closes_its_commits_with_the_reason(house: House) -> None:
    house.create("edges")
    job = house.job("edges", house.commit())
    house.versions.transact(lambda tx: changing_jobs.stop(tx, job.ref, "enough"))
    with house.versions.view() as view:
        assert view.commit(job.ref.output).error == view.commit(job.ref.meta).error == "enough"
    assert house.job("edges", job.ref.id).state is JobState.KILLED
    house.versions.transact(lambda tx: changing_jobs.stop(tx, job.ref))  # once more changes nothing
    assert house.job("edges", job.ref.id).reason == "enough"
    house.versions.transact(lambda tx: changing_jobs.delete(tx, job.ref))
    with pytest.raises(JobNotFound):
        house.versions.transact(lambda tx: changing_jobs.stop(tx, job.ref))


def test_a_pipelines_repos_and_commits_are_its_own(house: House) -> None:
    info = house.create("edges")
    job = house.job("edges", house.commit())
    with pytest.raises(Conflict, match="delete the pipeline instead"):
        house.versions.transact(lambda tx: tx.delete_repo(info.ref.output))
    with pytest.raises(Conflict, match="use 'stop job' instead"):
        house.versions.transact(lambda tx: tx.finish_commit(job.ref.output))
    with pytest.raises(NameTaken):
        house.create("raw", reads="edges")
    with pytest.raises(RepoNotFound):
        house.create("other", reads="nowhere")
    with pytest.raises(Conflict, match=r"cycle|provenance of its own|cannot be in"):
        house.create("loop", reads="edges")
        house.create("edges", reads="loop", update=True)


def test_delete_takes_repos_and_cron_repos_along(house: House) -> None:
    info = house.create("tick", input={"cron": {"name": "t", "spec": "@daily"}})
    with house.versions.view() as view:
        assert view.repo_exists(RepoRef("tick_t"))
    assert house.versions.transact(lambda tx: operations.delete(tx, info.ref))
    assert not house.versions.transact(lambda tx: operations.delete(tx, info.ref))
    with house.versions.view() as view:
        assert [str(repo.ref) for repo in view.repos()] == ["default/raw"]
        assert list(tables.jobs(view.connection)) == []
    with pytest.raises(PipelineNotFound):
        house.versions.transact(lambda tx: operations.stop(tx, info.ref))


def test_delete_can_keep_the_output(house: House) -> None:
    info = house.create("edges")
    house.versions.transact(lambda tx: operations.delete(tx, info.ref, keep_repo=True))
    with house.versions.view() as view:
        assert {str(repo.ref) for repo in view.repos()} == {"default/raw", "default/edges"}


def test_delete_all_goes_downstream_first(house: House) -> None:
    house.create("edges")
    house.create("montage", reads="edges")
    gone = house.versions.transact(lambda tx: operations.delete_all(tx, None))
    assert {ref.name for ref in gone} == {"edges", "montage"}


def test_trigger_inputs_get_a_branch_of_their_own(house: House) -> None:
    house.create("later", input={"pfs": {"repo": "raw", "glob": "/*", "trigger": {"commits": 2}}})
    with house.versions.view() as view:
        branch = view.branch(BranchRef(RAW.repo, "later-trigger-1"))
    assert branch.trigger is not None and branch.trigger.commits == 2
    before = len(house.jobs("later"))
    house.commit()
    house.commit()
    assert len(house.jobs("later")) == before + 1


def test_dropping_a_commit_set_takes_its_jobs(house: House) -> None:
    house.create("edges")
    id = house.commit()
    house.versions.transact(lambda tx: tx.drop_commit_set(id))
    assert house.jobs("edges") == [JobState.CREATED]  # the first one


def test_project_defaults_reach_the_spec(house: House) -> None:
    document = '{"createPipelineRequest": {"datumTries": 9}}'
    house.versions.transact(lambda tx: tables.set_defaults(tx.connection, "default", document, 0))
    assert house.create("edges").spec.datum_tries == 9


def test_a_dry_run_leaves_nothing(house: House) -> None:
    text = json.dumps({"pipeline": {"name": "x"}, "input": {"pfs": {"repo": "raw", "glob": "/"}},
                       "transform": {"cmd": ["true"]}})  # fmt: skip
    house.versions.transact(lambda tx: operations.create(tx, operations.effective(tx, text)), dry_run=True)
    with house.versions.view() as view:
        assert tables.pipelines(view.connection) == []


def test_secrets_are_checked_before_a_pipeline_mounts_them(house: House) -> None:
    def create() -> None:
        mount = {"name": "db", "key": "password", "envVar": "PASSWORD"}
        house.create("edges", transform={"cmd": ["true"], "secrets": [mount]})

    with pytest.raises(Invalid, match="missing Kubernetes secret db"):
        create()
    document = b'{"metadata": {"name": "db"}, "data": {"user": "bWU="}}'
    house.versions.transact(lambda tx: secrets.create(tx, document))
    with pytest.raises(Invalid, match="secret db missing key password"):
        create()
    with pytest.raises(SecretExists):
        house.versions.transact(lambda tx: secrets.create(tx, document))
    house.versions.transact(lambda tx: secrets.delete(tx, "db"))
    full = b'{"metadata": {"name": "db"}, "stringData": {"password": "open"}}'
    house.versions.transact(lambda tx: secrets.create(tx, full))
    create()
    with house.versions.view() as view:
        assert secrets.read(view.connection, "db").data == {"password": b"open"}
        with pytest.raises(SecretNotFound):
            secrets.read(view.connection, "none")


@pytest.mark.parametrize("document", [b"{", b"[]", b"{}", b'{"metadata": {"name": "x"}, "data": {"a": "?"}}'])
def test_bad_secret_documents_are_refused(house: House, document: bytes) -> None:
    with pytest.raises(Invalid):
        house.versions.transact(lambda tx: secrets.create(tx, document))
