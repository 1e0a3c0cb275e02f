"""Two pipelines at once whose images want different versions of one library."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from howdah.daemon.house import House
from howdah.daemon.options import Options
from howdah.processes import wheels

pytestmark = pytest.mark.slow

MEET = """
import clash, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60) as meeting:
    meeting.sendall(clash.version.encode() + b"\\n")
    assert meeting.recv(1) == b"!"
with open("/pfs/out/version", "w") as file:
    file.write(clash.version)
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A project of two images, and installers that reach nothing but its own wheels."""
    links = tmp_path / "links"
    for version in ("1.0", "2.0"):
        package = tmp_path / version / "clash"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"version = {version!r}\n")
        wheel = wheels.build(package, version, links)
        image = tmp_path / "images" / f"v{version[0]}"
        image.mkdir(parents=True)
        (image / "requirements.txt").write_text(f"clash=={wheel.name.split('-')[1]}\n")
    offline = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "UV_OFFLINE": "1",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(links),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(links),
    }
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    house = House(Options(state=tmp_path / "state", project=tmp_path, environment=offline, **ports))
    yield Client.from_pachd_address(house.running.pachd)
    house.close()


def test_two_pipelines_run_clashing_libraries_at_the_same_time(client: Client) -> None:
    client.pfs.create_repo(repo=pfs.Repo(name="raw"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("raw@master")) as commit:
        commit.put_file_from_bytes(path="/a", data=b"1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        port = server.getsockname()[1]
        for name in ("v1", "v2"):
            client.pps.create_pipeline(
                pipeline=pps.Pipeline(name=name),
                input=pps.Input(pfs=pps.PfsInput(repo="raw", glob="/")),
                transform=pps.Transform(image=name, cmd=["python", "-c", MEET, str(port)]),
                datum_tries=1,
            )
        meeting = [server.accept()[0] for _ in range(2)]  # both run now, and neither goes on
        versions = {guest.makefile().readline().strip() for guest in meeting}
        for guest in meeting:
            guest.sendall(b"!")
            guest.close()
    assert versions == {"1.0", "2.0"}
    for name, version in (("v1", b"1.0"), ("v2", b"2.0")):
        (job,) = client.pps.list_job(pipeline=pps.Pipeline(name=name))
        ended = client.pps.inspect_job(job=job.job, wait=True)
        assert ended.state == pps.JobState.JOB_SUCCESS, ended.reason
        assert client.pfs.pfs_file(pfs.File.from_uri(f"{name}@master:/version")).read() == version
