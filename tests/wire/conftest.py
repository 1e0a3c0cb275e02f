"""A whole daemon on free ports, in this process, and the official clients against it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client

from howdah.client.files import Files
from howdah.core.settings import Settings
from howdah.daemon.house import House
from howdah.daemon.options import Options
from howdah.daemon.pachd import Pachd
from howdah.pachd.wire.credentials import Credentials


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Shared by the tests that only add their own repos to it."""
    state: Path = tmp_path_factory.mktemp("howdah")
    house = House(Options(state=state, pachd_port=0, s3_port=0, http_port=0, ingress_port=0))
    yield house
    house.close()


@pytest.fixture
def client(house: House) -> Client:
    return Client.from_pachd_address(house.running.pachd)


@pytest.fixture
def pachd_alone(tmp_path: Path) -> Iterator[str]:
    """The address of a pachd alone: a whole daemon would watch the cases too, and decide beside the test."""
    pachd = Pachd(tmp_path, Settings())
    server = pachd.serve("127.0.0.1", 0, Credentials(None, None))
    server.start()
    yield f"grpc://127.0.0.1:{server.port}"
    pachd.close()


@pytest.fixture
def files(pachd_alone: str) -> Files:
    return Files.at(pachd_alone)
