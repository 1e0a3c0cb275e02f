"""One story of bench_wire through the SDK, plain or accelerated, in a process of its own.

wire_sdk.py ADDRESS plain|fast small|list|put REPO: prints the seconds it took.
"""

import os
import sys
import time
from functools import partial

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

import howdah

SMALL, PUT_BYTES = 2_000, 256 << 20


def small(client: Client, branch: pfs.Branch) -> None:
    def requests():
        yield pfs.ModifyFileRequest(set_commit=pfs.Commit(branch=branch, repo=branch.repo))
        for number in range(SMALL):
            yield pfs.ModifyFileRequest(
                add_file=pfs.AddFile(path=f"/{number % 100}/{number}", raw=b"x" * 100)
            )

    client.pfs.modify_file(requests())


def listing(client: Client, branch: pfs.Branch) -> None:
    file = pfs.File(commit=pfs.Commit(branch=branch, repo=branch.repo), path="/d")
    assert sum(1 for _ in client.pfs.list_file(file=file)) >= SMALL


def put(client: Client, branch: pfs.Branch, data: bytes) -> None:
    client.pfs.put_file_from_bytes(commit=pfs.Commit(branch=branch, repo=branch.repo), path="/big", data=data)


def main() -> None:
    address, codec, story, repo = sys.argv[1:]
    if codec == "fast":
        howdah.accelerate()
    client = Client.from_pachd_address(address)
    branch = pfs.Branch.from_uri(f"{repo}@master")
    stories = {"small": small, "list": listing}
    if story == "put":
        data = os.urandom(PUT_BYTES)  # bytes that the server knows already would cost it little
        stories["put"] = partial(put, data=data)
    began = time.perf_counter()
    stories[story](client, branch)
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
