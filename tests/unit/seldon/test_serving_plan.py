import pytest

from howdah.seldon.plan import (
    Child,
    Drain,
    Failure,
    Fetch,
    Forget,
    GoLive,
    Observed,
    Prepare,
    Resume,
    Slot,
    Start,
    State,
    Stop,
    next_failure,
    plan,
)
from howdah.seldon.workload import Group, Member, ModelSource

MODEL = ModelSource("/models/iris")


def group(
    revision: str = "r1", replicas: int = 1, model: ModelSource | None = None, environment: str = ""
) -> Group:
    member = Member("m", "serve", replicas, model, environment=environment)
    return Group("ns/d/p", "ns", "d", "p", (member,), "m", revision=revision)


def slot(revision: str = "r1", index: int = 0) -> Slot:
    return Slot("ns/d/p", revision, "m", index)


def child(revision: str = "r1", state: State = State.READY, index: int = 0, **more: object) -> Child:
    return Child(slot(revision, index), state, since_s=0.0, **more)  # type: ignore[arg-type]


LIVE = {"ns/d/p": "r1"}

CASES = {
    "nothing runs yet": (group(), Observed(), (Start(slot()),)),
    "the model is not here": (group(model=MODEL), Observed(), (Fetch(MODEL, "ns"),)),
    "the model is on its way": (group(model=MODEL), Observed(models={MODEL: False}), ()),
    "the model has come": (group(model=MODEL), Observed(models={MODEL: True}), (Start(slot()),)),
    "what its image requires is not here": (
        group(model=MODEL, environment="mine"),
        Observed(),
        (Fetch(MODEL, "ns"), Prepare("mine")),
    ),
    "the model has come, what its image requires has not": (
        group(model=MODEL, environment="mine"),
        Observed(models={MODEL: True}, environments={"mine": False}),
        (),
    ),
    "both have come": (
        group(model=MODEL, environment="mine"),
        Observed(models={MODEL: True}, environments={"mine": True}),
        (Start(slot()),),
    ),
    "it starts": (group(), Observed((child(state=State.STARTING),)), ()),
    "it is ready": (group(), Observed((child(),)), (GoLive("ns/d/p", "r1"),)),
    "one of two is ready": (group(replicas=2), Observed((child(),)), (Start(slot(index=1)),)),
    "all is well": (group(), Observed((child(),), LIVE), ()),
    "it has ended": (group(), Observed((child(exited=True),), LIVE), (Forget(slot()),)),
    "it pauses after a crash": (
        group(),
        Observed(live=LIVE, failures={slot(): Failure(2, retry_at_s=5.0)}, now_s=4.0),
        (),
    ),
    "its pause is over": (
        group(),
        Observed(live=LIVE, failures={slot(): Failure(2, retry_at_s=5.0)}, now_s=5.0),
        (Start(slot()),),
    ),
    "a new version starts beside the old": (
        group("r2"),
        Observed((child("r1"),), LIVE),
        (Start(slot("r2")),),
    ),
    "the old stays while the new starts": (
        group("r2"),
        Observed((child("r1"), child("r2", State.STARTING)), LIVE),
        (),
    ),
    "the new takes over": (
        group("r2"),
        Observed((child("r1"), child("r2")), LIVE),
        (GoLive("ns/d/p", "r2"),),
    ),
    "what has died of the old is started again while the new fails": (
        group("r2"),
        Observed(
            live=LIVE,
            serving={"ns/d/p": group("r1", replicas=2)},
            children=(child("r1", index=1),),
            failures={slot("r2"): Failure(4, retry_at_s=9.0)},
            now_s=1.0,
        ),
        (Start(slot("r1")),),
    ),
    "but not in the turn in which the new takes over": (
        group("r2"),
        Observed((child("r2"),), LIVE, serving={"ns/d/p": group("r1")}),
        (GoLive("ns/d/p", "r2"),),
    ),
    "what the old needs is fetched again": (
        group("r2"),
        Observed((child("r2", State.STARTING),), LIVE, serving={"ns/d/p": group("r1", model=MODEL)}),
        (Fetch(MODEL, "ns"),),
    ),
    "then the old is drained": (
        group("r2"),
        Observed((child("r1"), child("r2")), {"ns/d/p": "r2"}),
        (Drain(slot("r1")),),
    ),
    "not stopped while it is still routed to": (
        group("r2"),
        Observed(
            (child("r1", State.DRAINING), child("r2")),
            {"ns/d/p": "r2"},
            routed=frozenset({slot("r1")}),
            now_s=9.0,
        ),
        (),
    ),
    "not stopped before it had time to finish": (
        group("r2"),
        Observed((child("r1", State.DRAINING), child("r2")), {"ns/d/p": "r2"}, now_s=2.9),
        (),
    ),
    "stopped when drained": (
        group("r2"),
        Observed((child("r1", State.DRAINING), child("r2")), {"ns/d/p": "r2"}, now_s=3.0),
        (Stop(slot("r1")),),
    ),
    "what is wanted again while it drains goes on": (
        group("r1"),
        Observed((child("r1", State.DRAINING), child("r2")), {"ns/d/p": "r2"}, now_s=1.0),
        (Resume(slot("r1")),),
    ),
    "a replica wanted again while it drains goes on": (
        group(replicas=2),
        Observed((child(), child(state=State.DRAINING, index=1)), LIVE),
        (Resume(slot(index=1)),),
    ),
    "a replica too many is drained": (
        group(),
        Observed((child(), child(index=1)), LIVE),
        (Drain(slot(index=1)),),
    ),
    "a version given up while it started is stopped": (
        group("r1"),
        Observed((child("r1"), child("r2", State.STARTING)), LIVE),
        (Stop(slot("r2")),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_comes_next(name: str):
    wanted, observed, expected = CASES[name]
    assert plan({wanted.key: wanted}, observed) == expected


def test_a_deleted_deployment_is_drained():
    assert plan({}, Observed((child(),), LIVE)) == (Drain(slot()),)


def test_pauses_double_and_service_forgives():
    failure = next_failure(None, has_served=False, now_s=0)
    assert failure == Failure(1, 0.0), "the first restart is at once"
    pauses = []
    for _ in range(9):
        failure = next_failure(failure, has_served=False, now_s=0)
        pauses.append(failure.retry_at_s)
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == 60.0
    assert next_failure(failure, has_served=True, now_s=0).count == 1


def test_replicas_make_no_new_revision_and_anything_else_does():
    one, two = group(replicas=1).with_revision(), group(replicas=2).with_revision()
    other = group(model=MODEL).with_revision()
    assert one.revision == two.revision != other.revision
