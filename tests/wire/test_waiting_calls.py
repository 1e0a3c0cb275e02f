"""Calls that wait are many and cheap, and are refused beyond their number."""

import resource
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import grpc
import pytest
from grpc import RpcError, StatusCode
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.daemon.house import House
from howdah.pachd.wire.call import Waiting
from howdah.pachd.wire.errors import TooManyWaiting

WAITERS = 500


@pytest.mark.slow
def test_five_hundred_wait_and_a_put_goes_through(client: Client, house: House) -> None:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("awaited"))
    client.pfs.create_repo(repo=pfs.Repo.from_uri("busy"))
    commit = client.pfs.start_commit(branch=pfs.Branch.from_uri("awaited@master"))
    request = bytes(pfs.InspectCommitRequest(commit=commit, wait=pfs.CommitState.FINISHED))
    with grpc.insecure_channel(house.running.pachd.removeprefix("grpc://")) as channel:
        inspect = channel.unary_unary("/pfs_v2.API/InspectCommit")
        waiting = [inspect.future(request, timeout=60) for _ in range(WAITERS)]
        with client.pfs.commit(branch=pfs.Branch.from_uri("busy@master")) as other:
            other.put_file_from_bytes(path="/a", data=b"1" * 1_000_000)
        assert client.pfs.wait_commit(pfs.Commit(repo=other.repo, id=other.id)).finished
        assert not any(each.done() for each in waiting)
        client.pfs.finish_commit(commit=commit)
        infos = [pfs.CommitInfo().parse(each.result()) for each in waiting]
    assert {info.commit.id for info in infos} == {commit.id}


@pytest.mark.slow
def test_a_thousand_idle_connections_leave_room(client: Client, house: House) -> None:
    host, _, port = house.running.pachd.removeprefix("grpc://").rpartition(":")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard := resource.getrlimit(resource.RLIMIT_NOFILE)[1], hard))
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        assert client.get_version().major == 2


def test_one_too_many_is_refused_and_room_is_given_back() -> None:
    waiting = Waiting(2)
    with waiting.one(), waiting.one(), pytest.raises(TooManyWaiting), waiting.one():
        pass
    with waiting.one():
        pass


def test_a_client_that_leaves_frees_its_place(client: Client) -> None:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("left"))
    started = threading.Event()

    def subscribe() -> StatusCode:
        stream = client.pfs._ApiStub__rpc_subscribe_commit(  # type: ignore[attr-defined]
            pfs.SubscribeCommitRequest(repo=pfs.Repo.from_uri("left"))
        )
        started.set()
        stream.cancel()
        try:
            list(stream)
        except RpcError as error:
            return error.code()
        return StatusCode.OK

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(subscribe).result(timeout=20) is StatusCode.CANCELLED
    assert started.is_set()
