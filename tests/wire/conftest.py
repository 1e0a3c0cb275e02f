"""A whole daemon on free ports, in this process, and the official clients against it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client

from howdah.daemon.house import House
from howdah.daemon.options import Options


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
