"""The Envoy in front of all models: its configuration is a function of the desired ingress.

Three files: a bootstrap that never changes while Envoy runs, and clusters and routes that it
reads again whenever they are replaced. Clusters go first, routes second, so that no route ever
names a cluster that is not there; a removed cluster goes last.
"""
