"""Datums handed to workers in sets, so that one hand-over pays for many.

Without a `datum_set_spec` the aim is four sets a worker. The total is not known while datums
are still being generated, so sets start at one datum and grow with what has been seen: the
first datum starts at once and a million of them do not cost a million hand-overs.
"""

from collections.abc import Iterable, Iterator

from howdah.pachd.pipelines.datums import Datum
from howdah.pachd.pipelines.spec import DatumSets

SETS_PER_WORKER = 4
_LARGEST = 256  # as many results as are made durable together


def in_sets(datums: Iterable[Datum], spec: DatumSets, workers: int) -> Iterator[list[Datum]]:
    batch: list[Datum] = []
    size = given = 0
    per_worker = spec.per_worker or SETS_PER_WORKER
    for datum in datums:
        batch.append(datum)
        size += datum.size_bytes if spec.size_bytes else 0
        if spec.number or spec.size_bytes:
            full = bool(spec.number and len(batch) >= spec.number) or bool(
                spec.size_bytes and size >= spec.size_bytes
            )
        else:
            full = len(batch) >= min(_LARGEST, max(1, given // (workers * per_worker)))
        if full:
            yield batch
            given += len(batch)
            batch, size = [], 0
    if batch:
        yield batch
