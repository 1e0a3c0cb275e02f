"""Programs that serve: each runs in a process of its own, behind Envoy, and outlives the daemon.

`serve` hosts one model in MLServer, `component` a seldon-core Python class, `graph` walks the
graph of several. What they share towards the caller (protocols, IDs, headers, capture, metrics)
is `front`.
"""
