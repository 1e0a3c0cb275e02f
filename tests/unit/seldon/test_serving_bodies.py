"""Request bodies: whole or in parts, packed or not, never larger than allowed."""

import asyncio
import gzip

import pytest

from howdah.runtimes.front import app


def body_of(*parts: bytes) -> bytes:
    messages = [{"body": part, "more_body": number < len(parts) - 1} for number, part in enumerate(parts)]

    async def receive() -> dict:
        return messages.pop(0)

    return asyncio.run(app._body(receive))


def test_parts_are_put_together():
    assert body_of(b"ab", b"c", b"") == b"abc"


@pytest.mark.parametrize("parts", [(b"x" * 101,), (b"x" * 60, b"x" * 60)])
def test_more_than_the_limit_is_refused(monkeypatch, parts: tuple[bytes, ...]):
    monkeypatch.setattr(app, "BODY_LIMIT_BYTES", 100)
    with pytest.raises(app.Unreadable) as refused:
        body_of(*parts)
    assert refused.value.status == 413


def test_what_is_packed_counts_by_what_it_holds(monkeypatch):
    monkeypatch.setattr(app, "BODY_LIMIT_BYTES", 1000)
    assert app.decoded(gzip.compress(b"x" * 1000), "gzip") == b"x" * 1000
    with pytest.raises(app.Unreadable) as refused:
        app.decoded(gzip.compress(b"x" * 1_000_000), "gzip")
    assert refused.value.status == 413
