"""Results of a long answer on their way from a thread to a client."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from howdah.pachd.wire.json_gateway import _Pump, _send_on

MANY = 1000


def tell(results: Iterator[bytes], sent: list[bytes]) -> None:
    """Puts what is sent into `sent`; raises what the results raise."""

    async def send(message: Any) -> None:
        sent.append(message["body"])

    async def story() -> None:
        with ThreadPoolExecutor(1) as pool:
            await _send_on(_Pump(results, pool), send)

    asyncio.run(story())


def test_all_arrive_in_order_and_many_at_once() -> None:
    sent: list[bytes] = []
    tell((b"%d" % number for number in range(MANY)), sent)
    assert b"".join(sent) == b"".join(b'{"result":%d}\n' % number for number in range(MANY))
    assert len(sent) < MANY / 2


def test_one_that_others_keep_waiting_for_goes_out_at_once() -> None:
    go_on = threading.Event()

    def results() -> Iterator[bytes]:
        yield b"1"
        assert go_on.wait(10)
        yield b"2"

    bodies: list[bytes] = []

    async def send(message: Any) -> None:
        bodies.append(message["body"])
        go_on.set()

    async def story() -> None:
        with ThreadPoolExecutor(1) as pool:
            await _send_on(_Pump(results(), pool), send)

    asyncio.run(story())
    assert bodies == [b'{"result":1}\n', b'{"result":2}\n']


def test_what_came_before_a_fault_is_sent_before_it_is_told() -> None:
    def results() -> Iterator[bytes]:
        yield b"1"
        raise RuntimeError("no more")

    sent: list[bytes] = []
    with pytest.raises(RuntimeError, match="no more"):
        tell(results(), sent)
    assert sent == [b'{"result":1}\n']


@pytest.mark.timeout(20)
def test_a_thread_that_waits_for_room_is_let_go_when_nobody_reads() -> None:
    async def story() -> None:
        pool = ThreadPoolExecutor(1)
        pump = _Pump((b"%d" % number for number in itertools.count()), pool)
        await pump.gathered()
        pump.stop()
        await asyncio.to_thread(pool.shutdown)  # waits for the thread

    asyncio.run(story())
