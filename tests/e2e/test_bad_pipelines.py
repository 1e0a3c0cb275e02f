"""What goes wrong in pipelines, as a newcomer sees it: a sentence on the job, and nothing else harmed."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from howdah.daemon.house import House
from howdah.daemon.options import Options

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    made = House(Options(state=tmp_path_factory.mktemp("bad"), environment=dict(os.environ), **ports))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(house: House) -> Client:
    client = Client.from_pachd_address(house.running.pachd)
    client.pfs.create_repo(repo=pfs.Repo(name="raw"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("raw@master")) as commit:
        commit.put_file_from_bytes(path="/a", data=b"1")
    return client


def spec(name: str, **more: object) -> dict[str, object]:
    return {
        "pipeline": {"name": name},
        "input": {"pfs": {"repo": "raw", "name": "in", "glob": "/*"}},
        "transform": {"cmd": ["true"]},
        "datum_tries": 1,
        **more,
    }


def create(client: Client, value: dict[str, object]) -> None:
    client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(value))


def ended(client: Client, name: str) -> pps.JobInfo:
    newest = next(client.pps.list_job(pipeline=pps.Pipeline(name=name)))
    return client.pps.inspect_job(job=newest.job, wait=True)


def sh(client: Client, name: str, script: str, **more: object) -> pps.JobInfo:
    """The job of a pipeline that runs a script, ended; the pipeline is gone again."""
    create(client, spec(name, transform={"cmd": ["sh", "-c", script]}, **more))
    job = ended(client, name)
    client.pps.delete_pipeline(pipeline=pps.Pipeline(name=name))
    return job


def refused(client: Client, value: dict[str, object]) -> str:
    with pytest.raises(grpc.RpcError) as error:
        create(client, value)
    assert list(client.pps.list_pipeline()) == []
    said = error.value.details()
    assert isinstance(said, str)
    return said


def test_mistakes_in_a_spec_are_named_with_their_place(client: Client) -> None:
    nowhere = {"pfs": {"repo": "nowhere", "glob": "/*"}}
    own = {"pfs": {"repo": "bad", "glob": "/*"}}
    assert (
        refused(client, spec("bad", datum_trys=1)) == 'datum_trys: no such field; did you mean "datum_tries"?'
    )
    assert 'datum_tries: expected a whole number, not "three"' in refused(
        client, spec("bad", datum_tries="three")
    )
    assert "transform.cmd: expected a list" in refused(client, spec("bad", transform={"cmd": "true"}))
    assert "repo default/nowhere not found" in refused(client, spec("bad", input=nowhere))
    assert "default/bad not found" in refused(client, spec("bad", input=own))


def test_a_cycle_is_refused(client: Client) -> None:
    create(client, spec("up"))
    below = {"pfs": {"repo": "up", "glob": "/*"}}
    create(client, spec("down", input=below))
    around = {"pfs": {"repo": "down", "glob": "/*"}}
    with pytest.raises(grpc.RpcError, match=r"cycle detected because default/down@master"):
        create(client, spec("up", input=around, update=True))
    assert client.pps.inspect_pipeline(pipeline=pps.Pipeline(name="up")).version == 1
    for name in ("down", "up"):
        client.pps.delete_pipeline(pipeline=pps.Pipeline(name=name))


NOT_HERE = {
    "a spout": ({"spout": {}, "input": None}, "spouts are not supported here"),
    "egress": ({"egress": {"URL": "s3://bucket"}}, "egress is not supported here"),
    "S3 output": ({"s3_out": True}, "output through the S3 gateway is not supported here"),
    "an S3 input": (
        {"input": {"pfs": {"repo": "raw", "glob": "/", "s3": True}}},
        "S3 inputs are not supported",
    ),
    "a container": ({"transform": {"image": "docker://a", "cmd": ["x"]}}, "no container engine is used here"),
    "TFJobs": ({"tf_job": {"tf_job": "{}"}}, "TFJobs in pipelines is not supported"),
}


@pytest.mark.parametrize("what", list(NOT_HERE))
def test_what_is_not_done_here_is_refused(client: Client, what: str) -> None:
    more, words = NOT_HERE[what]
    value = {key: given for key, given in (spec("bad") | more).items() if given is not None}
    assert words in refused(client, value)


def test_templates_are_refused(client: Client) -> None:
    with pytest.raises(grpc.RpcError, match="jsonnet templates are not rendered here"):
        client.pps.render_template(template="{}")


def test_a_command_that_does_not_exist(client: Client) -> None:
    create(client, spec("nope", transform={"cmd": ["no-such-program", "x"]}))
    job = ended(client, "nope")
    assert job.state == pps.JobState.JOB_FAILURE
    assert job.reason.endswith('failed: cannot run "no-such-program": no such command on PATH')
    said = [line.message for line in client.pps.get_logs(job=job.job)]
    assert 'attempt 1 of 1 failed: cannot run "no-such-program": no such command on PATH' in said
    client.pps.delete_pipeline(pipeline=pps.Pipeline(name="nope"))


@pytest.mark.parametrize("place", ["/pfs/in/a", "/pfs/b", "/etc/howdah-was-here"])
def test_writing_outside_of_out(client: Client, place: str) -> None:
    job = sh(client, "outside", f"echo mine > {place}")
    assert job.state == pps.JobState.JOB_FAILURE
    assert "the command exited with code" in job.reason and "Read-only file system" in job.reason
    assert not Path("/etc/howdah-was-here").exists()
    assert client.pfs.pfs_file(pfs.File.from_uri("raw@master:/a")).read() == b"1"


def test_filling_the_disk(client: Client) -> None:
    job = sh(client, "filler", "yes > /pfs/out/x", resource_limits={"disk": "8Mi"})
    assert job.state == pps.JobState.JOB_FAILURE
    assert "to disk, more than its limit of 8 MiB" in job.reason


def test_forking_and_daemonising(client: Client) -> None:
    job = sh(client, "daemon", "setsid sh -c 'trap \"\" TERM HUP; sleep 86399.7' & echo done > /pfs/out/x")
    assert job.state == pps.JobState.JOB_SUCCESS
    assert b"86399.7" not in b"".join(_read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has just ended
        return b""


def test_logs_without_end(client: Client, house: House) -> None:
    flood = ["sh", "-c", "yes | head -c 100000000; echo the end"]
    create(client, spec("chatter", transform={"cmd": flood}))
    job = ended(client, "chatter")
    assert job.state == pps.JobState.JOB_SUCCESS
    logs = Path(house.running.kubeconfig).parent / "logs" / "pipelines" / "default" / "chatter"
    assert 1 << 20 < sum(path.stat().st_size for path in logs.iterdir()) < 6 << 20
    *_, last = (line.message for line in client.pps.get_logs(job=job.job) if line.user)
    assert last == "the end"
    said = "bytes of output were left out here: a datum keeps 4194304 bytes of log"
    assert said in (logs / f"{job.job.id}.jsonl").read_text()
    client.pps.delete_pipeline(pipeline=pps.Pipeline(name="chatter"))


def test_ignoring_every_polite_signal(client: Client) -> None:
    script = 'trap "" TERM INT HUP; echo ready; while :; do sleep 86399.8; done'
    job = sh(client, "stubborn", script, datum_timeout="0.3s")
    assert job.state == pps.JobState.JOB_FAILURE
    assert "it ran longer than its datum_timeout of 0.3 s" in job.reason
    assert b"86399.8" not in b"".join(_read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def test_names_with_spaces_and_any_letters(client: Client) -> None:
    client.pfs.create_repo(repo=pfs.Repo(name="names"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("names@master")) as commit:
        for name in ("/two words", "/it's"):
            commit.put_file_from_bytes(path=name, data=name.encode())
    words = r"path \(/größe ✓\) invalid: only printable ASCII characters allowed"
    with pytest.raises(grpc.RpcError, match=words):
        pfs_put(client, "/größe ✓")
    reads = {"pfs": {"repo": "names", "name": "in", "glob": "/*"}}
    create(client, spec("copier", input=reads, transform={"cmd": ["sh", "-c", 'cp "$in" /pfs/out/']}))
    assert ended(client, "copier").data_processed == 2
    copied = client.pfs.pfs_file(pfs.File.from_uri("copier@master:/two words"))
    assert copied.read() == b"/two words"
    client.pps.delete_pipeline(pipeline=pps.Pipeline(name="copier"))
    job = sh(client, "writer", 'echo x > "/pfs/out/größe ✓"')
    assert job.state == pps.JobState.JOB_FAILURE
    assert job.reason.endswith("path (/größe ✓) invalid: only printable ASCII characters allowed")


def pfs_put(client: Client, path: str) -> None:
    with client.pfs.commit(branch=pfs.Branch.from_uri("names@other")) as commit:
        commit.put_file_from_bytes(path=path, data=b"x")


def test_after_all_that_the_next_pipeline_runs(client: Client) -> None:
    assert sh(client, "fine", "cp /pfs/in/a /pfs/out/").state == pps.JobState.JOB_SUCCESS
