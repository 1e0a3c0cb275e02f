"""CloudEvents to `logger.url`, as Seldon's executor sends them: beside the answer, never before it.

Up to 10,000 events wait for ten workers; what finds no place, is not taken within two seconds or
is refused, is dropped and counted. Feedback goes where responses go.
"""

import http.client
import queue
import threading
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from howdah.runtimes.front.place import EventsPlace, Place

WORKERS = 10
TYPES = {
    "request": "io.seldon.serving.inference.request",
    "response": "io.seldon.serving.inference.response",
    "feedback": "io.seldon.serving.feedback",
}


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    id: str
    payload: bytes
    content_type: str


class Sender:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._events: EventsPlace = place.events
        self._queue: queue.Queue[Event] = queue.Queue(self._events.queue)
        self.sent = 0
        self.dropped = 0
        for number in range(WORKERS):
            threading.Thread(target=self._work, name=f"logger-{number}", daemon=True).start()

    def offer(self, event: Event) -> None:
        """Sent if it is of a kind that is wanted; never waits."""
        mode = self._events.mode
        if mode not in ("all", "response" if event.kind == "feedback" else event.kind):
            return
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.dropped += 1

    def _work(self) -> None:
        target = urlsplit(self._events.url)
        kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        connection = kind(target.netloc, timeout=self._events.timeout_s)
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        while True:
            if self._is_taken(connection, path, self._queue.get()):
                self.sent += 1
            else:
                self.dropped += 1

    def _is_taken(self, connection: http.client.HTTPConnection, path: str, event: Event) -> bool:
        while True:
            # Only one that was kept may have been closed meanwhile, and is worth a second try.
            kept = connection.sock is not None
            try:
                connection.request("POST", path, event.payload, self._headers(event))
                answer = connection.getresponse()
                answer.read()
                return 200 <= answer.status < 300
            except (OSError, http.client.HTTPException) as failed:
                connection.close()
                if not kept or isinstance(failed, TimeoutError):
                    return False

    def _headers(self, event: Event) -> dict[str, str]:
        place = self._place
        return {
            "Content-Type": event.content_type,
            "Ce-Specversion": "1.0",
            "Ce-Id": str(uuid.uuid4()),
            "Ce-Type": TYPES[event.kind],
            "Ce-Source": f"http://{place.deployment}.{place.namespace}/",
            "Ce-Requestid": event.id,
            "Ce-Modelid": place.node,
            "Ce-Inferenceservicename": place.deployment,
            "Ce-Namespace": place.namespace,
            "Ce-Endpoint": place.predictor,
            "Ce-Protocol": place.protocol,
        }
