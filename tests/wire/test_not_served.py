"""What the reference says is not served is refused, by its name and as UNIMPLEMENTED."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc import RpcError, StatusCode

from howdah.core.messages.catalogue import catalogue
from howdah.daemon.house import House

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "pachd-api.md"


def not_served() -> Iterator[str]:
    service = ""
    for line in REFERENCE.read_text().splitlines():
        if line.startswith("## "):
            service = line.removeprefix("## ")
        elif row := re.match(r"\| (\w+) \| not served \|", line):
            yield f"{service}/{row[1]}"


CALLS = list(not_served())


def test_the_reference_names_some() -> None:
    assert "snapshot.API/CreateSnapshot" in CALLS
    assert {f"/{name}" for name in CALLS} <= set(catalogue().rpcs)


@pytest.mark.parametrize("name", CALLS)
def test_it_is_refused_by_its_name(house: House, name: str) -> None:
    said = f"{name} is not implemented by this Howdah"
    with grpc.insecure_channel(house.running.pachd.removeprefix("grpc://")) as channel:
        with pytest.raises(RpcError) as error:
            list(channel.stream_stream(f"/{name}")(iter([b""]), timeout=20))
        assert (error.value.code(), error.value.details()) == (StatusCode.UNIMPLEMENTED, said)
    request = urllib.request.Request(f"{house.running.http}/api/{name}", b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    with refused.value as answer:
        assert (answer.code, json.loads(answer.read())) == (501, {"code": 12, "message": said, "details": []})
