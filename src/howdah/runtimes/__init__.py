"""Programs that serve: each runs in a process of its own, behind Envoy, and outlives the daemon.

`serve` hosts one model in MLServer, `component` a seldon-core Python class, `graph` walks the
graph of several. What they share towards the caller (protocols, IDs, headers, capture, metrics)
is `front`.
"""

import os

# alibi and alibi-detect are written for Keras 2, which TensorFlow takes up only if told before its first
# import. Our own models import Keras 3 by its own name, so it makes no difference to them.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
