"""The graph executor: one asynchronous process that walks a predictor's nodes.

It stands where Seldon's own executor stands and has its semantics, metrics and headers; the nodes
are servers of their own, reached over HTTP at the addresses in a file that the engine keeps.
"""
