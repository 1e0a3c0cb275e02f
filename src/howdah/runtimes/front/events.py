"""CloudEvents to `logger.url`, as Seldon's executor sends them: beside the answer, never before it.

Up to 10,000 events wait for ten workers; what finds no place, or is not taken within two
seconds, is dropped and counted.
"""

import http.client
import queue
import threading
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

    def wants(self, kind: str) -> bool:
        mode = self._events.mode
        return mode == "all" or kind == mode or (kind == "feedback" and mode == "request")

    def send(self, event: Event) -> None:
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.dropped += 1

    def _work(self) -> None:
        target = urlsplit(self._events.url)
        connection: http.client.HTTPConnection | None = None
        while True:
            event = self._queue.get()
            # A connection that was kept may have been closed meanwhile: a second try, with a new one.
            for _ in range(2):
                try:
                    if connection is None:
                        kind = (
                            http.client.HTTPSConnection
                            if target.scheme == "https"
                            else http.client.HTTPConnection
                        )
                        connection = kind(target.netloc, timeout=self._events.timeout_s)
                    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
                    connection.request("POST", path, event.payload, self._headers(event))
                    connection.getresponse().read()
                    self.sent += 1
                    break
                except (OSError, http.client.HTTPException):
                    if connection is not None:
                        connection.close()
                    connection = None
            else:
                self.dropped += 1

    def _headers(self, event: Event) -> dict[str, str]:
        place = self._place
        return {
            "Content-Type": event.content_type,
            "Ce-Specversion": "1.0",
            "Ce-Id": event.id,
            "Ce-Type": TYPES[event.kind],
            "Ce-Source": f"http://{place.deployment}.{place.namespace}/",
            "Ce-Requestid": event.id,
            "Ce-Modelid": place.node,
            "Ce-Inferenceservicename": place.deployment,
            "Ce-Namespace": place.namespace,
            "Ce-Endpoint": place.predictor,
            "Ce-Protocol": place.protocol,
        }
