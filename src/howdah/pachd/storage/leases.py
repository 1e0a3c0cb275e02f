"""What keeps gc off chunks that are not yet part of any commit.

A lease is a set of packs: those its upload wrote into, and those where it found bytes that it would
otherwise have written again. Gc leaves a pinned pack whole. Pinning packs and not chunks keeps a lease
small, whatever the upload's size; the price is that a long upload puts off the sweeping of packs that
it touched.

Gc decides over one pack at a time, under the same lock as pinning: a pack is either pinned first, and
stays, or condemned first, and then no upload can rely on it any more. While gc runs, the packs of
leases that end are held on its behalf, because its mark may be older than the commit that the ended
upload was made for.
"""

import threading
from collections.abc import Iterable


class Lease:
    def __init__(self, leases: "Leases") -> None:
        self._leases = leases
        self.pins: set[int] = set()

    def pin(self, packs: Iterable[int]) -> set[int]:
        """Keep gc off the packs; returns those that it has condemned already, which are not pinned."""
        return self._leases.pin(self, packs)

    def release(self) -> None:
        """Idempotent."""
        self._leases.release(self)


class Leases:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[Lease] = set()
        # Pack ids are never used twice, so a condemned id stays condemned.
        self._condemned: set[int] = set()
        self._held: set[int] | None = None

    def grant(self) -> Lease:
        lease = Lease(self)
        with self._lock:
            self._open.add(lease)
        return lease

    def pin(self, lease: Lease, packs: Iterable[int]) -> set[int]:
        wanted = set(packs)
        if wanted <= lease.pins:
            return set()
        with self._lock:
            lost = wanted & self._condemned
            lease.pins |= wanted - lost
        return lost

    def release(self, lease: Lease) -> None:
        with self._lock:
            self._open.discard(lease)
            if self._held is not None:
                self._held |= lease.pins

    def begin_collection(self) -> None:
        """From here on, ended leases are held until `end_collection`. One collection at a time."""
        with self._lock:
            self._held = set()

    def end_collection(self) -> None:
        with self._lock:
            self._held = None

    def condemn(self, pack: int) -> bool:
        """Whether gc may have the pack; if so nobody can pin it any more."""
        with self._lock:
            if pack in (self._held or ()) or any(pack in lease.pins for lease in self._open):
                return False
            self._condemned.add(pack)
            return True

    def pardon(self, pack: int) -> None:
        """Gc changed its mind (a failure before anything was removed)."""
        with self._lock:
            self._condemned.discard(pack)
