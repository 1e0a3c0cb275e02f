"""The two public protocols, from outside: pachd through the official SDK, deployments through Kubernetes.

Everything that is not an engine stands on this, and so cannot tell a laptop from a cluster.
"""
