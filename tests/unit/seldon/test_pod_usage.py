"""What a pod's processes use, from one look to the next."""

import os
import time

from howdah.processes.trees import _seconds, cpu_seconds
from howdah.seldon.usage import SHORTEST_S, PodProcess, Usage

OWN = PodProcess("ns", "pod", "main", os.getpid())
OTHER = PodProcess("elsewhere", "other", "main", os.getppid())


class Clock:
    at_s = 100.0

    def now_ns(self) -> int:
        return 0

    def monotonic_s(self) -> float:
        return self.at_s


def work(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_the_first_look_takes_two_and_later_ones_go_on_from_it() -> None:
    clock, pauses = Clock(), []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        work(0.05)
        clock.at_s += seconds

    usage = Usage(lambda: [OWN, OTHER], clock, pause)
    (first,) = usage.read("ns")
    assert pauses == [SHORTEST_S]
    assert first["window"] == "0.200s"
    work(0.05)
    clock.at_s += 10
    both = usage.read(None)
    assert len(pauses) == 2  # the other pod has not been looked at before
    own = next(each for each in both if each["metadata"]["name"] == "pod")
    (container,) = own["containers"]
    nanocores = int(container["usage"]["cpu"].removesuffix("n"))
    assert 0.05 / 10.2 * 1e9 <= nanocores < 1e9
    assert int(container["usage"]["memory"].removesuffix("Ki")) > 10_000


def test_processor_time_grows_with_work() -> None:
    before = cpu_seconds(os.getpid())
    work(0.05)
    assert cpu_seconds(os.getpid()) >= before + 0.03


def test_the_clock_of_ps_is_read() -> None:
    told = {"0:01.50": 1.5, "12:03": 723, "1:02:03": 3723, "2-01:00:00": 176_400}
    assert {text: _seconds(text) for text in told} == told
