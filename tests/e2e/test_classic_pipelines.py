"""The classic pipelines, written afresh, spoken to by the official SDK."""

import http.client
import os
import socket
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from howdah.daemon.house import House
from howdah.daemon.options import Options

pytestmark = pytest.mark.slow

PYTHON = [sys.executable, "-I", "-S"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    state: Path = tmp_path_factory.mktemp("classic")
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    house = House(Options(state=state, environment=dict(os.environ), **ports))
    yield Client.from_pachd_address(house.running.pachd)
    house.close()


def repo(client: Client, name: str) -> None:
    client.pfs.create_repo(repo=pfs.Repo(name=name))


def put(client: Client, name: str, files: Mapping[str, bytes]) -> pfs.Commit:
    with client.pfs.commit(branch=pfs.Branch.from_uri(f"{name}@master")) as commit:
        for path, data in files.items():
            commit.put_file_from_bytes(path=path, data=data)
    return commit


def reads(name: str, glob: str = "/*", **more: object) -> pps.Input:
    return pps.Input(pfs=pps.PfsInput(repo=name, glob=glob, **more))


def create(client: Client, name: str, input: pps.Input, script: str, **more: object) -> None:
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name=name),
        input=input,
        transform=pps.Transform(cmd=["sh", "-e"], stdin=script.splitlines()),
        **more,
    )


def python(client: Client, name: str, input: pps.Input, script: str) -> None:
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name=name), input=input, transform=pps.Transform(cmd=[*PYTHON, "-c", script])
    )


def wait(client: Client, commit: pfs.Commit) -> list[pps.JobInfo]:
    """Every job of the commit's global id, ended."""
    return list(client.pps.inspect_job_set(job_set=pps.JobSet(id=commit.id), wait=True))


def wait_latest(client: Client, name: str) -> pps.JobInfo:
    newest = next(client.pps.list_job(pipeline=pps.Pipeline(name=name)))
    return client.pps.inspect_job(job=newest.job, wait=True)


def output(client: Client, name: str) -> dict[str, bytes]:
    found = client.pfs.walk_file(file=pfs.File.from_uri(f"{name}@master:/"))
    paths = [info.file.path for info in found if info.file_type == pfs.FileType.FILE]
    files = {path: client.pfs.pfs_file(pfs.File.from_uri(f"{name}@master:{path}")) for path in paths}
    return {path: file.read() for path, file in files.items()}


EDGES = r"""
import pathlib
for path in pathlib.Path("/pfs/images").iterdir():
    kind, width, height, top, *pixels = path.read_bytes().split()
    w, h, p = int(width), int(height), [int(pixel) for pixel in pixels]
    edge = [abs(p[y * w + min(x + 1, w - 1)] - p[y * w + x]) for y in range(h) for x in range(w)]
    text = " ".join(map(str, edge))
    pathlib.Path("/pfs/out", path.name).write_text(f"P2 {w} {h} {max(edge)} {text}\n")
"""


def test_edges_finds_them_in_each_image_by_itself(client: Client) -> None:
    repo(client, "images")
    put(client, "images", {"/step.pgm": b"P2 4 1 9 0 0 9 9"})
    python(client, "edges", reads("images"), EDGES)
    first = wait_latest(client, "edges")
    assert (first.state, first.data_processed) == (pps.JobState.JOB_SUCCESS, 1)
    assert output(client, "edges") == {"/step.pgm": b"P2 4 1 9 0 9 0 0\n"}
    (job,) = wait(client, put(client, "images", {"/flat.pgm": b"P2 2 1 9 5 5"}))
    assert (job.data_processed, job.data_skipped) == (1, 1)
    states = {datum.state for datum in client.pps.list_datum(job=job.job)}
    assert states == {pps.DatumState.SUCCESS, pps.DatumState.SKIPPED}


MAP = r"""
for file in /pfs/texts/*; do
  tr -cs 'a-z' '\n' < "$file" | grep . | sort | uniq -c | while read count word; do
    echo $count > "/pfs/out/$word-$(basename $file)"
  done
done
"""
REDUCE = 'cat /pfs/map/* | { total=0; while read n; do total=$((total + n)); done; echo $total; } ' \
    '> /pfs/out/$PACH_DATUM_map_GROUP_BY'  # fmt: skip
LOOK_UP = 'echo "$(cat /pfs/meanings/*): $(cat /pfs/reduce/*)" > /pfs/out/$PACH_DATUM_reduce_JOIN_ON'


def test_word_count_groups_and_joins(client: Client) -> None:
    repo(client, "texts")
    repo(client, "meanings")
    put(client, "meanings", {"/howdah.txt": b"a seat", "/elephant.txt": b"an animal", "/unused.txt": b"-"})
    create(client, "map", reads("texts"), MAP)
    group = pps.Input(group=[reads("map", "/(*)-*", group_by="$1")])
    create(client, "reduce", group, REDUCE)
    join = pps.Input(
        join=[reads("reduce", "/(*)", join_on="$1"), reads("meanings", "/(*).txt", join_on="$1")]
    )
    create(client, "look-up", join, LOOK_UP)
    wait(client, put(client, "texts", {"/one": b"howdah elephant howdah", "/two": b"elephant on elephant"}))
    assert output(client, "reduce") == {"/howdah": b"2\n", "/elephant": b"3\n", "/on": b"1\n"}
    assert output(client, "look-up") == {"/howdah": b"a seat: 2\n", "/elephant": b"an animal: 3\n"}
    jobs = wait(client, put(client, "texts", {"/three": b"howdah"}))
    assert [job.job.pipeline.name for job in jobs] == ["map", "reduce", "look-up"]
    assert [job.data_processed for job in jobs] == [1, 1, 1]
    assert output(client, "look-up")["/howdah"] == b"a seat: 3\n"


def test_a_cross_tries_every_parameter_on_every_fold(client: Client) -> None:
    repo(client, "folds")
    repo(client, "parameters")
    put(client, "folds", {f"/fold{n}": str(n).encode() for n in range(3)})
    put(client, "parameters", {"/alpha": b"10", "/beta": b"20"})
    cross = pps.Input(cross=[reads("folds"), reads("parameters")])
    create(
        client, "search", cross,
        "score=$(( $(cat $folds) + $(cat $parameters) ))\n"
        "echo $score > /pfs/out/$(basename $folds)-$(basename $parameters)",
    )  # fmt: skip
    best = "cat /pfs/search/* | sort -n | tail -1 > /pfs/out/best"
    create(client, "choose", reads("search", "/"), best)
    assert wait_latest(client, "search").data_processed == 6
    wait_latest(client, "choose")
    assert output(client, "choose") == {"/best": b"22\n"}
    jobs = wait(client, put(client, "parameters", {"/gamma": b"40"}))
    assert [(job.data_processed, job.data_skipped) for job in jobs] == [(3, 6), (1, 0)]
    assert output(client, "choose") == {"/best": b"42\n"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _get(url: str) -> bytes:
    """Retries until somebody listens; the service starts in its own time."""
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                body: bytes = response.read()
                return body
        except (OSError, http.client.HTTPException):  # not yet, or just being replaced
            continue


def test_a_service_serves_the_newest_commit(client: Client) -> None:
    repo(client, "pages")
    put(client, "pages", {"/index.txt": b"first"})
    inside, port = _free_port(), _free_port()
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="site"),
        input=reads("pages", "/"),
        transform=pps.Transform(
            cmd=[sys.executable, "-m", "http.server", str(inside), "--bind", "127.0.0.1", "-d", "/pfs/pages"]
        ),
        service=pps.Service(internal_port=inside, external_port=port),
    )
    assert _get(f"http://127.0.0.1:{port}/index.txt") == b"first"
    put(client, "pages", {"/index.txt": b"second"})
    while _get(f"http://127.0.0.1:{port}/index.txt") != b"second":
        pass
    client.pps.delete_pipeline(pipeline=pps.Pipeline(name="site"))


def test_cron_ticks_when_told_to(client: Client) -> None:
    cron = pps.Input(cron=pps.CronInput(name="tick", spec="@yearly", overwrite=True))
    create(client, "clock", cron, "ls /pfs/tick > /pfs/out/last")
    wait_latest(client, "clock")
    client.pps.run_cron(pipeline=pps.Pipeline(name="clock"))
    job = wait_latest(client, "clock")
    assert (job.state, job.data_processed) == (pps.JobState.JOB_SUCCESS, 1)
    assert output(client, "clock")["/last"].startswith(b"20")


OUTER = """
name=${PACH_DATUM_people_JOIN_ON:-$PACH_DATUM_orders_JOIN_ON}
cat /pfs/people/* /pfs/orders/* > /pfs/out/$name 2>/dev/null || true
"""


def test_an_outer_join_keeps_who_has_no_partner(client: Client) -> None:
    repo(client, "people")
    repo(client, "orders")
    put(client, "people", {"/ann": b"Ann;", "/bob": b"Bob;"})
    put(client, "orders", {"/ann": b"tea", "/eve": b"lost"})
    sides = [
        reads("people", "/(*)", join_on="$1", outer_join=True),
        reads("orders", "/(*)", join_on="$1"),
    ]
    create(client, "bills", pps.Input(join=sides), OUTER)
    job = wait_latest(client, "bills")
    assert (job.state, job.data_processed) == (pps.JobState.JOB_SUCCESS, 2)
    assert output(client, "bills") == {"/ann": b"Ann;tea", "/bob": b"Bob;"}
    (job,) = wait(client, put(client, "orders", {"/bob": b"rum"}))
    assert (job.data_processed, job.data_skipped) == (1, 1)
    assert output(client, "bills") == {"/ann": b"Ann;tea", "/bob": b"Bob;rum"}


def test_a_trigger_lets_every_second_commit_through(client: Client) -> None:
    repo(client, "ticker")
    trigger = pfs.Trigger(branch="master", commits=2)
    watched = reads("ticker", "/", branch="every-second", trigger=trigger)
    create(client, "seconds", watched, "ls /pfs/ticker > /pfs/out/seen")
    jobs = []
    for number in range(5):
        commit = put(client, "ticker", {f"/{number}": b"x"})
        client.pfs.wait_commit(commit)  # the branch moves as the commit is finished
        jobs.append(len(list(client.pps.list_job(pipeline=pps.Pipeline(name="seconds")))))
    first = jobs[0]
    assert jobs == [first, first + 1, first + 1, first + 2, first + 2]
    job = wait_latest(client, "seconds")
    assert (job.state, job.data_processed) == (pps.JobState.JOB_SUCCESS, 1)
    assert output(client, "seconds")["/seen"] == b"0\n1\n2\n3\n"


SHOWN = """
import os
names = ("PACHD_PEER_SERVICE_HOST", "PACHD_PEER_SERVICE_PORT", "PEER_PORT")
with open("/pfs/out/shown", "w") as file:
    print(*(os.environ[name] for name in names), file=file)
    if hasattr(os, "sched_getaffinity"):
        print(len(os.sched_getaffinity(0)), file=file)
"""


def test_a_limit_of_one_processor_and_the_way_to_pachd_reach_user_code(client: Client) -> None:
    repo(client, "limited")
    put(client, "limited", {"/a": b"1"})
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="frugal"),
        input=reads("limited"),
        transform=pps.Transform(cmd=[*PYTHON, "-c", SHOWN]),
        resource_limits=pps.ResourceSpec(cpu=1),
    )
    assert wait_latest(client, "frugal").state == pps.JobState.JOB_SUCCESS
    address, *processors = output(client, "frugal")["/shown"].decode().splitlines()
    host, port, peer_port = address.split()
    assert port == peer_port == client.address.rpartition(":")[2]
    assert Client.from_pachd_address(f"grpc://{host}:{port}").pfs.repo_exists(pfs.Repo(name="limited"))
    # Where the system binds processes to processors; on a machine of one this holds without a limit.
    assert processors == (["1"] if hasattr(os, "sched_getaffinity") else [])


def test_a_hundred_commits_each_cost_one_datum(client: Client) -> None:
    repo(client, "days")
    create(client, "double", reads("days"), "cat $days $days > /pfs/out/$(basename $days)")
    last = None
    for day in range(100):
        last = put(client, "days", {f"/{day:03d}": str(day).encode()})
    assert last is not None
    (job,) = wait(client, last)
    assert (job.data_processed, job.data_skipped, job.data_total) == (1, 99, 100)
    assert output(client, "double")["/042"] == b"4242"
    jobs = list(client.pps.list_job(pipeline=pps.Pipeline(name="double"), history=-1))
    assert all(job.state == pps.JobState.JOB_SUCCESS for job in jobs)
    assert sum(job.data_processed for job in jobs) == 100


def test_what_a_newcomer_does_wrong_is_said_plainly(client: Client) -> None:
    repo(client, "wrong")
    text = '{"pipeline": {"name": "x"}, "transform": {"cmdd": ["true"]}}'
    with pytest.raises(grpc.RpcError, match=r'transform.cmdd: no such field; did you mean "cmd"'):
        client.pps.create_pipeline_v2(create_pipeline_request_json=text)
    with pytest.raises(grpc.RpcError, match="repo default/nowhere not found"):
        create(client, "x", reads("nowhere"), "true")
    create(client, "loop", reads("wrong"), "true")
    with pytest.raises(grpc.RpcError, match="cannot be in the provenance of its own branch"):
        create(client, "loop", reads("loop"), "true", update=True)
    with pytest.raises(grpc.RpcError, match=r'pipeline "default/loop" already exists'):
        create(client, "loop", reads("wrong"), "true")


def test_the_spec_comes_back_as_it_was_written(client: Client) -> None:
    repo(client, "kept")
    text = (
        '{"pipeline": {"name": "echoed"}, "input": {"pfs": {"repo": "kept", "glob": "/*"}},'
        ' "transform": {"cmd": ["true"]}, "podPatch": "[]", "tolerations": [{"key": "gpu"}]}'
    )
    client.pps.create_pipeline_v2(create_pipeline_request_json=text)
    info = client.pps.inspect_pipeline(pipeline=pps.Pipeline(name="echoed"), details=True)
    assert info.user_spec_json == text
    assert info.details.pod_patch == "[]" and info.details.tolerations[0].key == "gpu"
    assert info.metadata["howdah/not-honoured-here"] == "podPatch, tolerations"
    assert info.details.datum_tries == 3 and info.details.input.pfs.branch == "master"
    kept = list(client.pps.list_pipeline(jq_filter='select(.pipeline.name == "echoed")'))
    assert [each.pipeline.name for each in kept] == ["echoed"]
    alerts = [a for status in client.pps.check_status(all=True) for a in status.alerts]
    assert any("not honoured outside Kubernetes" in alert for alert in alerts)
