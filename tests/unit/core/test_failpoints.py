import pytest

from howdah.core import failpoints
from howdah.errors import Invalid

HERE = failpoints.Failpoint("tests.here")


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoints.disarm_all()


def test_nothing_happens_until_armed():
    HERE.hit()


def test_fires_once_at_the_hit_named():
    failpoints.arm("tests.here@2=full")
    HERE.hit()
    with pytest.raises(OSError, match=r"no space left.*tests\.here"):
        HERE.hit()
    HERE.hit()


@pytest.mark.parametrize("spec", ["tests.nowhere", "tests.here@0", "tests.here=explode", "tests.here@x"])
def test_refuses_what_it_cannot_mean(spec):
    with pytest.raises(Invalid, match="failpoint"):
        failpoints.arm(spec)
