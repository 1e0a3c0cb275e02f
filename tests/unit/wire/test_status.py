"""One table turns every error there is into a code; nothing falls through it unseen."""

import importlib
import pkgutil

import grpc
import pytest

import howdah.pachd
from howdah.errors import HowdahError
from howdah.pachd.versions import Cancelled, TimedOut
from howdah.pachd.versions.errors import CommitNotFinished, RepoExists, RepoNotFound
from howdah.pachd.wire import status
from howdah.pachd.wire.errors import AuthNotActivated, NotServed, Retired, TooManyWaiting, Unauthenticated

Code = grpc.StatusCode
for found in pkgutil.walk_packages(howdah.pachd.__path__, "howdah.pachd."):
    importlib.import_module(found.name)


def descendants(kind: type[BaseException]) -> list[type[BaseException]]:
    below = [each for child in kind.__subclasses__() for each in descendants(child)]
    return [kind, *below]


@pytest.mark.parametrize("kind", descendants(HowdahError), ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_a_code_of_its_branch(kind: type[HowdahError]) -> None:
    error = HowdahError.__new__(kind)
    Exception.__init__(error, "said")
    answer = status.status_of(error)
    assert answer.message == "said"
    ancestor = next(each for each in kind.__mro__ if each in status.CODES)
    assert answer.code is status.CODES[ancestor]
    assert answer.code is not Code.INTERNAL


def test_every_grpc_code_has_an_http_code() -> None:
    assert set(status.HTTP) == set(Code)


def test_nothing_stands_in_the_table_in_vain() -> None:
    assert set(status.CODES) <= set(descendants(HowdahError))


@pytest.mark.parametrize(
    ("error", "code", "http"),
    [
        (RepoNotFound.__new__(RepoNotFound), Code.NOT_FOUND, 404),
        (RepoExists.__new__(RepoExists), Code.ALREADY_EXISTS, 409),
        (CommitNotFinished.__new__(CommitNotFinished), Code.UNAVAILABLE, 503),
        (AuthNotActivated(), Code.UNIMPLEMENTED, 501),
        (NotServed("/a.API/B"), Code.UNIMPLEMENTED, 501),
        (Retired("license"), Code.UNKNOWN, 500),
        (Unauthenticated(), Code.UNAUTHENTICATED, 401),
        (TooManyWaiting(900), Code.RESOURCE_EXHAUSTED, 429),
        (Cancelled(), Code.CANCELLED, 499),
        (TimedOut("waiting"), Code.DEADLINE_EXCEEDED, 504),
    ],
)
def test_what_clients_look_for(error: Exception, code: grpc.StatusCode, http: int) -> None:
    answer = status.status_of(error)
    assert (answer.code, answer.http) == (code, http)


def test_a_fault_of_our_own_keeps_its_details_to_itself() -> None:
    answer = status.status_of(KeyError("patient-4711"))
    assert answer.code is Code.INTERNAL
    assert "4711" not in answer.message
