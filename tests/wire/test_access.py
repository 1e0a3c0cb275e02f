"""Tokens, TLS and addresses: who may connect where."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import boto3
import grpc
import httpx2
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError
from grpc import RpcError, StatusCode
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from howdah.core import inference_log
from howdah.daemon.house import House
from howdah.daemon.options import Options
from howdah.errors import Conflict, Invalid


def options(state: Path, **more: object) -> Options:
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    return Options(state=state, **(ports | more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(options(tmp_path_factory.mktemp("guarded"), new_token=True))
    yield house
    house.close()


def test_without_the_token_nothing_is_answered(guarded: House) -> None:
    for token in (None, "", "wrong"):
        client = Client.from_pachd_address(guarded.running.pachd, auth_token=token or "")
        with pytest.raises(RpcError) as error:
            client.get_version()
        assert error.value.code() is StatusCode.UNAUTHENTICATED


def test_with_it_everything_is(guarded: House) -> None:
    client = Client.from_pachd_address(guarded.running.pachd, auth_token=guarded.token)
    assert client.get_version().major == 2


@pytest.mark.slow
def test_user_code_has_a_token_of_its_own(guarded: House) -> None:
    client = Client.from_pachd_address(guarded.running.pachd, auth_token=guarded.token)
    client.pfs.create_repo(repo=pfs.Repo(name="raw"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("raw@master")) as commit:
        commit.put_file_from_bytes(path="/a", data=b"1")
    asks = (
        "import os\nfrom pachyderm_sdk import Client\n"
        "client = Client(os.environ['PACHD_PEER_SERVICE_HOST'], int(os.environ['PACHD_PEER_SERVICE_PORT']))\n"
        "print('major', client.get_version().major, len(os.environ['PACH_TOKEN']))"
    )
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="asks"),
        input=pps.Input(pfs=pps.PfsInput(repo="raw", glob="/")),
        transform=pps.Transform(cmd=[sys.executable, "-c", asks], env={"PYTHONPATH": ":".join(sys.path)}),
    )
    newest = next(client.pps.list_job(pipeline=pps.Pipeline(name="asks")))
    job = client.pps.inspect_job(job=newest.job, wait=True)
    assert job.state == pps.JobState.JOB_SUCCESS, job.reason
    said = [line.message for line in client.pps.get_logs(job=job.job) if line.user]
    assert said == ["major 2 43"]
    assert guarded.token not in said


def test_only_its_hash_is_kept(guarded: House, tmp_path: Path) -> None:
    assert guarded.token is not None
    state = Path(guarded.running.kubeconfig).parent
    kept = [path for path in state.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20]
    assert kept
    assert not [path for path in kept if guarded.token.encode() in path.read_bytes()]
    assert (state / "token-hash").stat().st_mode & 0o077 == 0


def test_s3_takes_the_token_as_key_and_secret(guarded: House) -> None:
    def connect(key: str, secret: str) -> object:
        return boto3.client(
            "s3",
            endpoint_url=guarded.running.s3,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name="us-east-1",
        )

    assert guarded.token is not None
    connect(guarded.token, guarded.token).list_buckets()  # type: ignore[attr-defined]
    for key, secret in (("any", "any"), (guarded.token, "wrong")):
        with pytest.raises(ClientError) as error:
            connect(key, secret).list_buckets()  # type: ignore[attr-defined]
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("key", ["100%", "a%25b", "a b~c"])
def test_s3_takes_keys_that_are_quoted_on_their_way(guarded: House, key: str) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=guarded.running.s3,
        aws_access_key_id=guarded.token,
        aws_secret_access_key=guarded.token,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    if "quoted" not in {each["Name"].split(".")[1] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket="master.quoted")
    s3.put_object(Bucket="master.quoted", Key=key, Body=b"1")
    assert s3.get_object(Bucket="master.quoted", Key=key)["Body"].read() == b"1"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_another_address_needs_a_token_and_certificates(tmp_path: Path, host: str) -> None:
    with pytest.raises(Invalid, match="refusing to listen on"):
        House(options(tmp_path, host=host))
    with pytest.raises(Invalid) as refused:
        House(options(tmp_path, host=host, new_token=True))
    assert "certificate files" in refused.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_one_daemon(guarded: House) -> None:
    with pytest.raises(Conflict, match="is in use by process"):
        House(options(Path(guarded.running.kubeconfig).parent))


def test_kubernetes_takes_it_as_a_bearer(guarded: House) -> None:
    path = "/apis/machinelearning.seldon.io/v1/seldondeployments"
    (user,) = yaml.safe_load(Path(guarded.running.kubeconfig).read_text())["users"]
    for token, status in ((guarded.token, 200), (user["user"]["token"], 200), ("wrong", 401), (None, 401)):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        assert httpx2.get(guarded.running.http + path, headers=headers).status_code == status


def ship(house: House, token: str, certificate: bytes | None = None) -> None:
    """A prediction's record lands in a commit, so the daemon's own parts reach pachd."""
    header = inference_log.Header(
        id="one",
        kind="prediction",
        time_ns=1,
        latency_us=1,
        status=200,
        namespace="default",
        deployment="d",
        predictor="p",
        model="m",
        model_commit="",
        protocol="v2",
        endpoint="/",
    )
    segment = Path(house.running.kubeconfig).parent / "seldon/inferences/default~d" / "1-1.new"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(inference_log.encode(inference_log.Record(header, b"{}", b"{}")))
    segment.rename(segment.with_suffix(inference_log.COMPLETE))
    address = house.running.pachd
    client = Client.from_pachd_address(address, auth_token=token, root_certs=certificate)
    branch = pfs.Branch.from_uri("default-d-inferences@master")
    for _ in range(600):
        with suppress(RpcError):
            head = client.pfs.inspect_branch(branch=branch).head
            if client.pfs.inspect_commit(commit=head, wait=pfs.CommitState.FINISHED).details.size_bytes:
                return
        threading.Event().wait(0.05)
    raise AssertionError("the record was never committed")


@pytest.mark.slow
def test_our_own_parts_have_one_too(guarded: House) -> None:
    assert guarded.token is not None
    ship(guarded, guarded.token)


@pytest.mark.slow
def test_tls_with_a_token(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run(
        [*request, "-nodes", "-keyout", key, "-out", certificate, "-days", "2", *names],
        check=True,
        capture_output=True,
    )
    made = options(tmp_path / "state", tls_cert=certificate, tls_key=key, new_token=True)
    house = House(made)
    try:
        assert house.token is not None
        assert house.running.pachd.startswith("grpcs://")
        client = Client.from_pachd_address(house.running.pachd, root_certs=certificate.read_bytes())
        client.auth_token = house.token
        assert client.get_version().major == 2
        address = house.running.pachd.removeprefix("grpcs://")
        with grpc.insecure_channel(address) as channel, pytest.raises(RpcError):
            channel.unary_unary("/versionpb_v2.API/GetVersion")(b"", timeout=5)
        ship(house, house.token, certificate.read_bytes())
    finally:
        house.close()
