"""The embedded Seldon: SeldonDeployments on one machine, behind one Envoy.

Spoken to only through the Kubernetes API (`kube`); the manifests are parsed by `manifests`,
`plan` says purely what has to change, `run` makes it so with child processes, and `envoy`
turns the desired state into the proxy's configuration.
"""
