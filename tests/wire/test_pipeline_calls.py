"""Every pipeline call that needs no Kubernetes, by the official SDK over real sockets."""

import json
import os
import queue
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import logs, pfs, pps

from howdah.cli.failures import run
from howdah.cli.pachctl.tree import app
from howdah.daemon.house import House
from howdah.daemon.options import Options

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    state = tmp_path_factory.mktemp("calls")
    house = House(Options(state=state, environment=dict(os.environ), **ports))
    yield Client.from_pachd_address(house.running.pachd)
    house.close()


def put(client: Client, repo: str, *paths: str) -> str:
    if not client.pfs.repo_exists(pfs.Repo(name=repo)):
        client.pfs.create_repo(repo=pfs.Repo(name=repo))
    with client.pfs.commit(branch=pfs.Branch.from_uri(f"{repo}@master")) as commit:
        for path in paths:
            commit.put_file_from_bytes(path=path, data=path.encode())
    return commit.id


def spec(name: str, reads: str, *words: str, **more: object) -> dict[str, object]:
    given = {"pfs": {"repo": reads, "name": "in", "glob": "/*"}}
    return {"pipeline": {"name": name}, "input": given, "transform": {"cmd": [*words]}, **more}


def create(client: Client, value: Mapping[str, object], **more: bool) -> str:
    answer = client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(value), **more)
    return answer.effective_create_pipeline_request_json


def named(name: str) -> pps.Pipeline:
    return pps.Pipeline(name=name)


def newest(client: Client, name: str) -> pps.JobInfo:
    job = next(client.pps.list_job(pipeline=named(name))).job
    return client.pps.inspect_job(job=job, wait=True, details=True)


COPY = ("sh", "-c", "cp -r /pfs/in/* /pfs/out/; echo copied")


def test_datums_are_paged_filtered_and_reversed(client: Client) -> None:
    put(client, "paged", *(f"/{n}" for n in range(5)))
    create(client, spec("pages", "paged", *COPY))
    job = newest(client, "pages").job
    ids = [info.datum.id for info in client.pps.list_datum(job=job)]
    assert ids == sorted(ids) and len(ids) == 5
    page = [info.datum.id for info in client.pps.list_datum(job=job, number=2, pagination_marker=ids[1])]
    assert page == ids[2:4]
    back = [info.datum.id for info in client.pps.list_datum(job=job, number=2, reverse=True)]
    assert back == [ids[4], ids[3]]
    put(client, "paged", "/5")
    job = newest(client, "pages").job
    skipped = pps.ListDatumRequestFilter(state=[pps.DatumState.SKIPPED])
    assert len(list(client.pps.list_datum(job=job, filter=skipped))) == 5
    one = client.pps.inspect_datum(datum=pps.Datum(job=job, id=ids[0]))
    assert one.data[0].file.commit.branch.name == "master" and one.pfs_state.path == f"/pfs/{ids[0]}"
    with pytest.raises(grpc.RpcError, match="not found in job"):
        client.pps.inspect_datum(datum=pps.Datum(job=job, id="0" * 64))
    with pytest.raises(grpc.RpcError, match="number must be > 0 when reverse is set"):
        list(client.pps.list_datum(job=job, reverse=True))


def test_datums_of_an_input_need_no_pipeline(client: Client) -> None:
    put(client, "loose", "/a", "/b")
    leaf = pps.Input(pfs=pps.PfsInput(repo="loose", glob="/*"))
    infos = list(client.pps.list_datum(input=leaf))
    assert [info.data[0].file.path for info in infos] == ["/a", "/b"]
    assert {info.state for info in infos} == {pps.DatumState.UNKNOWN}
    cron = pps.Input(cron=pps.CronInput(name="t", spec="@daily"))
    with pytest.raises(grpc.RpcError, match="can't list datums with a cron input"):
        list(client.pps.list_datum(input=cron))


def test_job_listings(client: Client) -> None:
    put(client, "many", "/a")
    create(client, spec("upper", "many", *COPY))
    create(client, spec("lower", "upper", *COPY))
    id = put(client, "many", "/b")
    jobs = list(client.pps.inspect_job_set(job_set=pps.JobSet(id=id), wait=True, details=True))
    assert [job.job.pipeline.name for job in jobs] == ["upper", "lower"]
    assert jobs[0].details.input.pfs.commit == id
    assert len(list(client.pps.list_job(pipeline=named("upper")))) == 2
    assert len(list(client.pps.list_job(pipeline=named("upper"), number=1))) == 1
    oldest, later = client.pps.list_job(pipeline=named("upper"), reverse=True)
    assert oldest.created < later.created
    marked = client.pps.list_job(pipeline=named("upper"), pagination_marker=later.created)
    assert [job.job.id for job in marked] == [oldest.job.id]
    picked = client.pps.list_job(jq_filter=f'select(.job.id == "{id}")')
    assert {job.job.pipeline.name for job in picked} == {"upper", "lower"}
    with pytest.raises(grpc.RpcError, match="error parsing jq filter"):
        list(client.pps.list_job(jq_filter="select("))
    read = pfs.Commit(repo=pfs.Repo(name="many", type="user"), id=id)
    assert [j.job.pipeline.name for j in client.pps.list_job(input_commit=[read])] == ["upper"]
    sets = list(client.pps.list_job_set(number=1))
    assert sets[0].job_set.id == id and len(sets[0].jobs) == 2
    assert client.pps.list_job_set(jq_filter="false") is not None
    assert list(client.pps.list_job_set(jq_filter="false")) == []


def test_what_workers_are_at_and_a_datum_begun_again(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(client, "slow", "/a")
    create(client, spec("stuck", "slow", "sh", "-c", "echo begun; sleep 86399"))
    job = next(client.pps.list_job(pipeline=named("stuck"))).job
    lines = client.pps.get_logs(job=job, follow=True)
    assert next(line.message for line in lines if line.user) == "begun"
    (status,) = client.pps.inspect_job(job=job, details=True).details.worker_status
    assert status.job_id == job.id and [item.path for item in status.datum_status.data] == ["/a"]
    monkeypatch.setenv("PACHD_ADDRESS", client.address)
    assert run(app, "pachctl", ["inspect", "job", f"stuck@{job.id}"]) == 0
    said = capsys.readouterr().out
    assert "WORKER JOB" in said and "/a" in said.splitlines()[-1]
    assert run(app, "pachctl", ["restart", "datum", f"stuck@{job.id}", "/elsewhere"]) != 0
    assert "datum matching filter [/elsewhere] could not be found for job ID" in capsys.readouterr().err
    assert run(app, "pachctl", ["restart", "datum", f"stuck@{job.id}", "a"]) == 0
    assert next(line.message for line in lines if line.user) == "begun"
    client.pps.delete_pipeline(pipeline=named("stuck"))


def test_jobs_are_streamed_as_they_come(client: Client) -> None:
    put(client, "stream", "/a")
    create(client, spec("streamed", "stream", *COPY))
    newest(client, "streamed")
    jobs = client.pps.subscribe_job(pipeline=named("streamed"))
    seen: list[str] = []
    enough = threading.Event()

    def watch() -> None:
        for job in jobs:
            seen.append(job.job.id)
            if len(seen) == 2:
                enough.set()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    ids = [put(client, "stream", f"/{n}") for n in range(2)]
    assert enough.wait(30)
    thread.join()
    assert seen == ids


def test_versions_history_and_ancestors(client: Client) -> None:
    put(client, "aged", "/a")
    create(client, spec("versions", "aged", *COPY, description="first"))
    create(client, spec("versions", "aged", *COPY, description="second"), update=True)
    create(client, spec("versions", "aged", *COPY, description="third", update=True))
    listed = client.pps.list_pipeline(pipeline=named("versions"), history=-1)
    assert [info.version for info in listed] == [3, 2, 1]
    assert (
        client.pps.inspect_pipeline(pipeline=named("versions^2"), details=True).details.description == "first"
    )
    with pytest.raises(grpc.RpcError, match="has only 3 versions, not enough to find ancestor 3"):
        client.pps.inspect_pipeline(pipeline=named("versions^3"))
    client.pps.rerun_pipeline(pipeline=named("versions"), reprocess=True)
    assert newest(client, "versions").data_processed == 1
    assert client.pps.inspect_pipeline(pipeline=named("versions")).version == 4
    assert len(list(client.pps.list_job(pipeline=named("versions"), history=-1))) == 4


def test_a_dry_run_tells_the_effective_spec_and_creates_nothing(client: Client) -> None:
    put(client, "dry", "/a")
    effective = json.loads(create(client, spec("dried", "dry", *COPY), dry_run=True))
    assert effective["datumTries"] == "3" and effective["transform"]["image"] == "ubuntu:20.04"
    assert not client.pps.pipeline_exists(named("dried"))
    with pytest.raises(grpc.RpcError, match="repo default/absent not found"):
        create(client, spec("dried", "absent", *COPY), dry_run=True)


def test_defaults_reach_pipelines_when_asked(client: Client) -> None:
    put(client, "def", "/a")
    create(client, spec("defaulted", "def", *COPY))
    document = '{"createPipelineRequest": {"datumTries": 7}}'
    answer = client.pps.set_project_defaults(
        project=pfs.Project(name="default"), project_defaults_json=document, regenerate=True, dry_run=True
    )
    assert "defaulted" in [pipeline.name for pipeline in answer.affected_pipelines]
    assert client.pps.get_project_defaults(project=pfs.Project(name="default")).project_defaults_json == "{}"
    client.pps.set_cluster_defaults(cluster_defaults_json=document)
    assert client.pps.get_cluster_defaults().cluster_defaults_json == document
    assert json.loads(create(client, spec("other", "def", *COPY)))["datumTries"] == 7
    client.pps.set_cluster_defaults(cluster_defaults_json="{}")
    with pytest.raises(grpc.RpcError, match='did you mean "datumTries"'):
        client.pps.set_cluster_defaults(cluster_defaults_json='{"createPipelineRequest": {"datumTrys": 7}}')


def test_a_pipeline_in_a_transaction(client: Client) -> None:
    put(client, "tx", "/a")
    with client.transaction.transaction():
        client.pfs.create_repo(repo=pfs.Repo(name="beside"))
        create(client, spec("within", "tx", *COPY))
        assert not Client(host="127.0.0.1", port=_port(client)).pps.pipeline_exists(named("within"))
    assert newest(client, "within").state == pps.JobState.JOB_SUCCESS
    assert client.pfs.repo_exists(pfs.Repo(name="beside"))


def _port(client: Client) -> int:
    return int(client.address.rpartition(":")[2])


def test_logs_of_jobs_masters_and_datums(client: Client) -> None:
    put(client, "said", "/a", "/b")
    create(client, spec("sayer", "said", "sh", "-c", "echo read $in"))
    job = newest(client, "sayer").job
    lines = [line for line in client.pps.get_logs(job=job) if line.user]
    assert {line.message for line in lines} == {"read /pfs/in/a", "read /pfs/in/b"}
    only = client.pps.get_logs(job=job, data_filters=["/a"])
    assert {line.message for line in only if line.user} == {"read /pfs/in/a"}
    (last,) = client.pps.get_logs(job=job, tail=1)
    assert last.job_id == job.id
    masters = [line.message for line in client.pps.get_logs(pipeline=named("sayer"), master=True)]
    assert "job started" in masters
    none = client.pps.get_logs(pipeline=named("sayer"), since=timedelta(microseconds=1))
    assert list(none) == []
    with pytest.raises(grpc.RpcError, match='pipeline "default/nobody" not found'):
        list(client.pps.get_logs(pipeline=named("nobody")))
    query = logs.LogQuery(user=logs.UserLogQuery(job=job.id))
    found = client.logs.get_logs(query=query, filter=logs.LogFilter(user_logs_only=True))
    assert sorted(each.log.pps_log_message.message for each in found) == ["read /pfs/in/a", "read /pfs/in/b"]
    pattern = logs.LogFilter(regex=logs.RegexLogFilter(pattern="b$"), limit=1)
    (one,) = client.logs.get_logs(query=query, filter=pattern)
    assert one.log.verbatim.line == b"read /pfs/in/b"


def test_stop_start_summary_and_status(client: Client) -> None:
    client.pfs.create_project(project=pfs.Project(name="apart"))
    repo = pfs.Repo(name="r", project=pfs.Project(name="apart"))
    client.pfs.create_repo(repo=repo)
    pipeline = pps.Pipeline(name="p", project=pfs.Project(name="apart"))
    value = spec("p", "r", *COPY, podPatch="[]")
    create(client, value | {"pipeline": {"name": "p", "project": {"name": "apart"}}})
    picker = [pfs.ProjectPicker(name="apart")]
    assert client.pps.pipelines_summary(projects=picker).summaries[0].active_pipelines == 1
    client.pps.stop_pipeline(pipeline=pipeline)
    summary = client.pps.pipelines_summary(projects=picker).summaries[0]
    assert (summary.active_pipelines, summary.paused_pipelines) == (0, 1)
    stopped = client.pps.inspect_pipeline(pipeline=pipeline)
    assert stopped.state == pps.PipelineState.PIPELINE_PAUSED
    client.pps.stop_pipeline(pipeline=named("no-such"))
    with pytest.raises(grpc.RpcError, match="not found"):
        client.pps.stop_pipeline(pipeline=named("no-such"), must_exist=True)
    client.pps.start_pipeline(pipeline=pipeline)
    (status,) = client.pps.check_status(project=pfs.Project(name="apart"))
    assert status.alerts == ["not honoured outside Kubernetes: podPatch"]
    client.pps.delete_pipelines(projects=[pfs.Project(name="apart")])
    client.pfs.delete_repo(repo=repo)


def test_what_is_not_done_here_is_refused_by_name(client: Client) -> None:
    with pytest.raises(grpc.RpcError, match="jsonnet templates are not rendered here") as refused:
        client.pps.render_template(template="{}")
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    with pytest.raises(grpc.RpcError, match="RunLoadTest is not implemented"):
        client.pps.run_load_test(load_spec="")
    put(client, "egg", "/a")
    with pytest.raises(grpc.RpcError, match="egress is not supported here"):
        create(client, spec("out", "egg", *COPY, egress={"URL": "s3://bucket"}))


def test_the_first_version_of_create_and_bad_calls(client: Client) -> None:
    put(client, "old", "/a")
    client.pps.create_pipeline(
        pipeline=named("oldstyle"),
        input=pps.Input(pfs=pps.PfsInput(repo="old", name="in", glob="/*")),
        transform=pps.Transform(cmd=list(COPY)),
        parallelism_spec=pps.ParallelismSpec(constant=2),
        datum_timeout=timedelta(minutes=1),
    )
    info = client.pps.inspect_pipeline(pipeline=named("oldstyle"), details=True)
    assert info.parallelism == 2 and info.details.datum_timeout == timedelta(minutes=1)
    assert newest(client, "oldstyle").state == pps.JobState.JOB_SUCCESS
    with pytest.raises(grpc.RpcError, match=r"job .* not found"):
        client.pps.inspect_job(job=pps.Job(pipeline=named("oldstyle"), id="0" * 32))
    with pytest.raises(grpc.RpcError, match="must specify a job"):
        client.pps.inspect_job(job=pps.Job(pipeline=named("oldstyle")))
    with pytest.raises(grpc.RpcError, match="use 'stop job' instead"):
        client.pfs.finish_commit(commit=pfs.Commit.from_uri(f"oldstyle@{put(client, 'old', '/slow')}"))


def test_secrets_list_what_users_made(client: Client) -> None:
    client.pps.create_secret(name="mine", data={"key": "value"})
    assert [info.secret.name for info in client.pps.list_secret().secret_info] == ["mine"]
    assert client.pps.inspect_secret(secret=pps.Secret(name="mine")).type == "Opaque"
    with pytest.raises(grpc.RpcError, match='secrets "mine" already exists'):
        client.pps.create_secret(name="mine", data={})
    client.pps.delete_secret(secret=pps.Secret(name="mine"))
    with pytest.raises(grpc.RpcError, match='secrets "mine" not found'):
        client.pps.inspect_secret(secret=pps.Secret(name="mine"))


def _start(repo: str, number: int) -> pps.CreateDatumRequest:
    leaf = pps.Input(pfs=pps.PfsInput(repo=repo, glob="/*"))
    return pps.CreateDatumRequest(start=pps.StartCreateDatumRequest(input=leaf, number=number))


def _more(number: int) -> pps.CreateDatumRequest:
    return pps.CreateDatumRequest(continue_=pps.ContinueCreateDatumRequest(number=number))


def _created(client: Client, *requests: pps.CreateDatumRequest) -> list[str]:
    return [info.data[0].file.path for info in client.pps.create_datum(iter(requests))]


def test_datums_are_created_batch_by_batch_until_none_is_left(client: Client) -> None:
    paths = [f"/{number:02d}" for number in range(53)]
    put(client, "batches", *paths)
    batches = [10, 5, 20, 10, 5]
    for asked in range(1, len(batches) + 1):
        requests = [_start("batches", batches[0]), *map(_more, batches[1:asked])]
        assert _created(client, *requests) == paths[: sum(batches[:asked])]
    requests = [_start("batches", batches[0]), *map(_more, [*batches[1:], 10, 10])]
    assert _created(client, *requests) == paths  # the input is exhausted, whatever else is asked for
    assert _created(client, _start("batches", 0)) == paths  # no number is a batch of the usual size


def test_more_datums_are_given_when_they_are_asked_for(client: Client) -> None:
    put(client, "asked", *(f"/{number}" for number in range(3)))
    requests: queue.SimpleQueue[pps.CreateDatumRequest | None] = queue.SimpleQueue()
    answers = client.pps.create_datum(iter(requests.get, None))
    requests.put(_start("asked", 1))
    assert next(answers).data[0].file.path == "/0"
    requests.put(_more(10))
    assert [info.data[0].file.path for info in answers] == ["/1", "/2"]
    requests.put(None)  # lets the sending thread go


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        ([_more(1)], "first message must be a StartCreateDatumRequest message"),
        ([pps.CreateDatumRequest()], "first message must be a StartCreateDatumRequest message"),
        ([], "first message must be a StartCreateDatumRequest message"),
        (
            [pps.CreateDatumRequest(start=pps.StartCreateDatumRequest(number=1))],
            "first message must specify an input",
        ),
        (
            [_start("twice", 1), _start("twice", 1)],
            "subsequent messages must be a ContinueCreateDatumRequest message",
        ),
    ],
)
def test_datums_are_created_by_messages_in_their_order(
    client: Client, requests: list[pps.CreateDatumRequest], reason: str
) -> None:
    put(client, "twice", "/a", "/b")
    with pytest.raises(grpc.RpcError, match=reason) as refused:
        _created(client, *requests)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
