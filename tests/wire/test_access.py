"""Tokens, TLS and addresses: who may connect where."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from botocore.exceptions import ClientError
from grpc import RpcError, StatusCode
from pachyderm_sdk import Client

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


def test_only_its_hash_is_kept(guarded: House, tmp_path: Path) -> None:
    assert guarded.token is not None
    state = Path(guarded.running.kubeconfig).parent
    kept = [path for path in state.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20]
    assert kept
    assert not [path for path in kept if guarded.token.encode() in path.read_bytes()]
    assert (state / "token-hash").stat().st_mode & 0o077 == 0


def test_s3_takes_the_token_as_key_and_secret(guarded: House) -> None:
    boto3 = pytest.importorskip("boto3")

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


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_another_address_needs_a_token_and_certificates(tmp_path: Path, host: str) -> None:
    with pytest.raises(Invalid, match="refusing to listen on"):
        House(options(tmp_path, host=host))
    with pytest.raises(Invalid, match="certificate files"):
        House(options(tmp_path, host=host, new_token=True))


def test_a_folder_has_one_daemon(guarded: House) -> None:
    with pytest.raises(Conflict, match="is in use by process"):
        House(options(Path(guarded.running.kubeconfig).parent))


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
    house = House(options(tmp_path / "state", tls_cert=certificate, tls_key=key))
    try:
        assert house.running.pachd.startswith("grpcs://")
        client = Client.from_pachd_address(house.running.pachd, root_certs=certificate.read_bytes())
        assert client.get_version().major == 2
        address = house.running.pachd.removeprefix("grpcs://")
        with grpc.insecure_channel(address) as channel, pytest.raises(RpcError):
            channel.unary_unary("/versionpb_v2.API/GetVersion")(b"", timeout=5)
    finally:
        house.close()
