"""The console's connections to pachd: whose token gets one, and what is read before that is known."""

import asyncio
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from howdah.client.failures import Refused
from howdah.console.engines import Engines
from howdah.daemon.house import House
from howdah.daemon.options import Options


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    state = tmp_path_factory.mktemp("guarded")
    house = House(Options(state=state, pachd_port=0, s3_port=0, http_port=0, ingress_port=0, new_token=True))
    yield house
    house.close()


@pytest.mark.parametrize(
    "line",
    [
        "PUT /console/file?repo=r&branch=master&path=/a",
        "POST /console/predict",
        "POST /console/decisions",
    ],
)
@pytest.mark.parametrize("token", ["", "authn-token: wrong\r\n"])
def test_no_body_is_waited_for_without_a_good_token(guarded: House, line: str, token: str) -> None:
    """The body never comes, so an answer shows that it was not waited for."""
    at = urlsplit(guarded.running.http)
    with socket.create_connection((at.hostname, at.port), timeout=30) as connection:
        head = f"{line} HTTP/1.1\r\nhost: {at.netloc}\r\n{token}content-length: 1000000000\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 401 ")


def test_wrong_tokens_close_no_connection_in_use(guarded: House) -> None:
    async def story() -> None:
        engines = Engines()
        engines.found(guarded.running.pachd, "", "")
        assert guarded.token is not None
        ours = await engines.pachd(guarded.token)
        for number in range(40):
            with pytest.raises(Refused):
                await engines.pachd(f"wrong-{number}")
        assert await engines.pachd(guarded.token) is ours
        assert ours.call("versionpb_v2.API/GetVersion").major == 2
        engines.close()

    asyncio.run(story())


def test_of_many_good_tokens_the_longest_unused_gives_way(house: House) -> None:
    async def story() -> None:
        engines = Engines()
        engines.found(house.running.pachd, "", "")
        used, idle = await engines.pachd("used"), await engines.pachd("idle")
        for number in range(40):  # a house without a token takes any
            await engines.pachd(f"another-{number}")
            assert await engines.pachd("used") is used
        assert await engines.pachd("idle") is not idle
        engines.close()

    asyncio.run(story())
