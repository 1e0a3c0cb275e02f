"""The JSON gateway: requests, streams, errors, and what must not pass."""

import base64
import json
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.daemon.house import House


def post(house: House, method: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(f"{house.running.http}/api/{method}", body, method="POST")
    for name, value in headers.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def call(house: House, method: str, body: object) -> tuple[int, Any]:
    status, data = post(house, method, json.dumps(body).encode())
    return status, json.loads(data)


@pytest.fixture
def repo(client: Client) -> str:
    name = f"json-{uuid.uuid4().hex[:8]}"
    client.pfs.create_repo(repo=pfs.Repo.from_uri(name))
    return name


def test_one_answer_is_one_object_with_every_field(house: House, repo: str) -> None:
    status, answer = call(house, "pfs_v2.API/InspectRepo", {"repo": {"name": repo}})
    assert status == 200
    assert answer["repo"] == {"name": repo, "type": "user", "project": {"name": "default"}}
    assert answer["sizeBytesUpperBound"] == "0"
    assert answer["description"] == ""


def test_a_stream_is_lines_of_results(house: House, repo: str) -> None:
    _, data = post(house, "pfs_v2.API/ListRepo", b"{}")
    names = [json.loads(line)["result"]["repo"]["name"] for line in data.splitlines()]
    assert repo in names


def test_errors_have_grpc_gateways_shape(house: House) -> None:
    status, answer = call(house, "pfs_v2.API/InspectRepo", {"repo": {"name": "missing"}})
    assert (status, answer) == (
        404,
        {"code": 5, "message": "repo default/missing not found", "details": []},
    )
    status, answer = call(house, "auth_v2.API/WhoAmI", {})
    assert (status, answer["code"]) == (501, 12)
    assert answer["message"] == "the auth service is not activated"


def test_a_client_stream_is_lines_of_the_body(house: House, repo: str, client: Client) -> None:
    commit = {"branch": {"repo": {"name": repo}, "name": "master"}, "repo": {"name": repo}}
    lines = [
        {"setCommit": commit},
        {"addFile": {"path": "/a", "raw": base64.b64encode(b"first ").decode()}},
        {"addFile": {"path": "/a", "raw": base64.b64encode(b"second").decode()}},
    ]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    assert post(house, "pfs_v2.API/ModifyFile", body) == (200, b"{}")
    file = pfs.File(commit=pfs.Commit.from_uri(f"{repo}@master"), path="/a")
    assert client.pfs.pfs_file(file).read() == b"first second"


def test_a_broken_line_leaves_nothing(house: House, repo: str, client: Client) -> None:
    commit = {"branch": {"repo": {"name": repo}, "name": "master"}, "repo": {"name": repo}}
    body = (
        json.dumps({"setCommit": commit})
        + '\n{"addFile": {"path": "/a", "raw": "aGk="}}\n{"addFile": nonsense\n'
    )
    status, _ = post(house, "pfs_v2.API/ModifyFile", body.encode())
    assert status == 400
    assert not client.pfs.branch_exists(pfs.Branch.from_uri(f"{repo}@master"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", "http://evil.example"),
        ("Host", "evil.example"),
        ("Host", "localhost.evil.example"),
        ("Host", "["),
        ("Origin", "http://["),
    ],
)
def test_pages_of_other_sites_are_not_answered(house: House, name: str, value: str) -> None:
    status, _ = post(house, "pfs_v2.API/ListRepo", b"{}", **{name: value})
    assert status == 403


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["repo", "name", "commit", "type", "x"]), inner, max_size=3)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_body_gets_an_answer(house: House, body: bytes) -> None:
    status, data = post(house, "pfs_v2.API/InspectRepo", body)
    assert status in (400, 404)
    assert set(json.loads(data)) == {"code", "message", "details"}


def test_a_stream_of_requests_goes_on_while_its_answers_come(house: House, repo: str, client: Client) -> None:
    with client.pfs.commit(branch=pfs.Branch.from_uri(f"{repo}@master")) as commit:
        for number in range(50):
            commit.put_file_from_bytes(path=f"/{number:02}", data=b"x")
    asked = {"pfs": {"repo": repo, "name": "in", "glob": "/*"}}
    lines = [{"start": {"input": asked, "number": "1"}}, *[{"continue": {"number": "1"}}] * 39]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    status, data = post(house, "pps_v2.API/CreateDatum", body)
    answers = [json.loads(line)["result"] for line in data.splitlines()]
    assert status == 200
    assert [each["data"][0]["file"]["path"] for each in answers] == [f"/{number:02}" for number in range(40)]
