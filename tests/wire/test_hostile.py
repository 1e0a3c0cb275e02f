"""Bytes that no client of good will sends: everything gets a clear status, and the server goes on."""

import itertools
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import RpcError, StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.core.messages.catalogue import catalogue
from howdah.daemon.house import House
from howdah.daemon.options import Options

CALLS = sorted(rpc.path for rpc in catalogue().rpcs.values() if not rpc.client_streams)
STREAMS = sorted(rpc.path for rpc in catalogue().rpcs.values() if rpc.client_streams)
DEADLINE_S = 2.0
numbers = itertools.count()


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Nobody else's: among the calls is DeleteAll."""
    state: Path = tmp_path_factory.mktemp("lonely")
    house = House(Options(state=state, pachd_port=0, s3_port=0, http_port=0, ingress_port=0))
    yield house
    house.close()


@pytest.fixture(scope="module")
def channel(lonely: House) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(lonely.running.pachd.removeprefix("grpc://")) as channel:
        yield channel


def said(answers: Any) -> tuple[StatusCode, str]:
    """How the call ended; some wait for ever, rightly, and are left."""
    try:
        for _ in answers:
            pass
    except RpcError as error:
        return error.code(), error.details()
    return StatusCode.OK, ""


def is_clear(code: StatusCode, details: str) -> bool:
    """Whether the server knew what to say. Pachyderm itself calls what it gave up UNKNOWN."""
    return code is not StatusCode.INTERNAL and (code is not StatusCode.UNKNOWN or "deprecated" in details)


# Field numbers as Pachyderm has them, and whatever else: nested, cut off, of the wrong wire type.
fields = st.builds(
    lambda number, kind, body: bytes([number << 3 | kind]) + body,
    st.integers(1, 15),
    st.integers(0, 7),
    st.binary(max_size=12) | st.binary(max_size=12).map(lambda inner: bytes([len(inner)]) + inner),
)
messages = st.binary(max_size=40) | st.lists(fields, max_size=5).map(b"".join)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(CALLS), message=messages)
def test_any_bytes_to_any_call_get_a_clear_status(channel: grpc.Channel, path: str, message: bytes) -> None:
    assert is_clear(*said(channel.unary_stream(path)(message, timeout=DEADLINE_S)))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(STREAMS), stream=st.lists(messages, max_size=4))
def test_any_bytes_in_any_stream_get_a_clear_status(
    channel: grpc.Channel, path: str, stream: list[bytes]
) -> None:
    assert is_clear(*said(channel.stream_stream(path)(iter(stream), timeout=DEADLINE_S)))


def opened(client: Client) -> pfs.Commit:
    branch = pfs.Branch.from_uri(f"hostile-{next(numbers)}@master")
    client.pfs.create_repo(repo=branch.repo)
    return client.pfs.start_commit(branch=branch)


def listed(client: Client, commit: pfs.Commit) -> list[str]:
    return [info.file.path for info in client.pfs.list_file(file=pfs.File(commit=commit, path="/"))]


def addition(path: str) -> bytes:
    return bytes(pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=b"1" * 300)))


HOSTILE = {
    "cut off": addition("/b")[:-5],
    "a length beyond the message": b"\x12\xff\xff\xff\xff\x07\x0a\x02/b",
    "a length without an end": b"\x12" + b"\xff" * 11,
    "a path that is no text": addition("/b").replace(b"/b", b"/\xff"),
    "a group that is never closed": b"\x13" * 200,
    "a second commit": bytes(pfs.ModifyFileRequest(set_commit=pfs.Commit(id="0" * 32))),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_message_in_the_middle_leaves_nothing(client: Client, house: House, kind: str) -> None:
    commit = opened(client)
    stream = [bytes(pfs.ModifyFileRequest(set_commit=commit)), addition("/a"), HOSTILE[kind], addition("/c")]
    address = house.running.pachd.removeprefix("grpc://")
    with grpc.insecure_channel(address) as channel, pytest.raises(RpcError) as error:
        channel.stream_unary("/pfs_v2.API/ModifyFile")(iter(stream))
    assert error.value.code() is StatusCode.INVALID_ARGUMENT
    assert listed(client, commit) == []


def test_a_connection_that_breaks_in_the_middle_leaves_nothing(client: Client, house: House) -> None:
    commit = opened(client)

    def requests() -> Iterator[bytes]:
        yield bytes(pfs.ModifyFileRequest(set_commit=commit))
        for number in range(50):
            yield addition(f"/{number}")
        channel.close()
        yield addition("/last")

    channel = grpc.insecure_channel(house.running.pachd.removeprefix("grpc://"))
    with pytest.raises((RpcError, grpc.FutureCancelledError)):
        channel.stream_unary("/pfs_v2.API/ModifyFile").future(requests()).result()
    client.pfs.put_file_from_bytes(commit=commit, path="/whole", data=b"2")
    assert listed(client, commit) == ["/whole"]


def test_what_is_not_http2_is_hung_up_on(client: Client, house: House) -> None:
    host, _, port = house.running.pachd.removeprefix("grpc://").rpartition(":")
    for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00" + bytes(512), b"\xff" * 4096):
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(words)
            while connection.recv(4096):
                pass
    assert client.get_version().major == 2


def test_metadata_beyond_measure_is_refused(client: Client, house: House) -> None:
    address = house.running.pachd.removeprefix("grpc://")
    with grpc.insecure_channel(address) as channel, pytest.raises(RpcError) as error:
        channel.unary_unary("/versionpb_v2.API/GetVersion")(b"", metadata=[("authn-token", "x" * 300_000)])
    assert error.value.code() is StatusCode.RESOURCE_EXHAUSTED
    assert client.get_version().major == 2


def post(house: House, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(f"{house.running.http}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_gateway_wants_the_token_as_well(tmp_path: Path) -> None:
    options = Options(state=tmp_path, pachd_port=0, s3_port=0, http_port=0, ingress_port=0, new_token=True)
    house = House(options)
    try:
        for headers in ({}, {"authn-token": ""}, {"authn-token": "wrong"}):
            assert post(house, "/api/versionpb_v2.API/GetVersion", b"{}", **headers)[0] == 401
        good = {"authn-token": house.token or ""}
        assert post(house, "/api/versionpb_v2.API/GetVersion", b"{}", **good)[0] == 200
    finally:
        house.close()


def test_a_body_beyond_measure_is_refused_by_the_gateway(house: House) -> None:
    body = b'{"repo": {"name": "' + b"x" * (28 << 20) + b'"}}'
    code, answer = post(house, "/api/pfs_v2.API/InspectRepo", body)
    assert (code, set(answer)) == (429, {"code", "message", "details"})


@pytest.mark.parametrize("link", ["x", "A" * 200, "%00", "é".encode().hex(), "A" * 5000])
def test_a_link_that_was_not_handed_out_is_refused(house: House, link: str) -> None:
    with (
        pytest.raises(urllib.error.HTTPError) as error,
        urllib.request.urlopen(f"{house.running.http}/storage/chunks/{link}"),
    ):
        pass
    with error.value as answer:
        assert answer.code == 403
