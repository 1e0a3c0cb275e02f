"""What an open commit holds so far: its layers merged for a look, and not for good.

A preview is made once for any number of readers and kept while it is among the last few used or
somebody reads from it. Its nodes live in a scratch file; only bytes that appends put together go
into the store, under a lease that ends with the preview.
"""

import threading
import weakref
from collections import OrderedDict

from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.trees import Roots, Trees
from howdah.pachd.versions.files.blocks import joining
from howdah.pachd.versions.files.sources import LayersOverBase

_KEPT = 8


class Preview:
    def __init__(self, trees: Trees, roots: Roots) -> None:
        self.trees = trees
        self.roots = roots


class Previews:
    def __init__(self, blobs: Blobs, trees: Trees) -> None:
        self._blobs = blobs
        self._trees = trees
        self._lock = threading.Lock()
        self._kept: OrderedDict[LayersOverBase, Preview] = OrderedDict()

    def get(self, over: LayersOverBase) -> Preview:
        with self._lock:
            found = self._kept.get(over)
            if found is not None:
                self._kept.move_to_end(over)
                return found
        made = self._make(over)
        with self._lock:
            self._kept[over] = made
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made

    def close(self) -> None:
        with self._lock:
            self._kept.clear()

    def _make(self, over: LayersOverBase) -> Preview:
        upload = self._blobs.upload()
        try:
            view = self._trees.view(over.base, over.layers, joining(upload))
            # Readers find joined files through the store, so they have to have left the upload.
            upload.sync()
        except BaseException:
            upload.close()
            raise
        preview = Preview(view.trees, view.roots)
        weakref.finalize(preview, upload.close)
        return preview
