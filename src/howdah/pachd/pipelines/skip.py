"""What a job must do, given what the job before it did.

A job stands on its *base*: the nearest earlier job whose output and meta commits carry no
error. A datum of the base with the same id and hash, which the base processed, is skipped;
its files are already in the output. What the base had and the job has not, or has changed,
loses its old files before anything new is written. Time and memory are those of the base's
index, one small entry per datum; where the inputs allow it, `changed` avoids even that.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from howdah.pachd.pipelines.datums import Datum
from howdah.pachd.pipelines.refs import DatumId


class Earlier(NamedTuple):
    """What the base's meta says of one datum."""

    hash: str
    processed: bool  # not failed, not recovered


@dataclass(frozen=True, slots=True)
class Run:
    datum: Datum
    replaces: bool  # the base left files under this id, which must go first


@dataclass(frozen=True, slots=True)
class Skip:
    id: DatumId


@dataclass(frozen=True, slots=True)
class Drop:
    """Only the base had it."""

    id: DatumId


Decision = Run | Skip | Drop


def decide(
    current: Iterable[Datum], base: Mapping[DatumId, Earlier], salt: str, every_job: bool = False
) -> Iterator[Decision]:
    """One decision per datum of either job; those about the base's vanished datums come last."""
    seen: set[DatumId] = set()
    for datum in current:
        earlier = base.get(datum.id)
        if earlier is None:
            yield Run(datum, replaces=False)
            continue
        seen.add(datum.id)
        if not every_job and earlier.processed and earlier.hash == datum.hash(salt):
            yield Skip(datum.id)
        else:
            yield Run(datum, replaces=True)
    for id in base:
        if id not in seen:
            yield Drop(id)
