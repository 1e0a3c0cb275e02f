"""The Kubernetes API subset: the only way in, for people, their tools and our own code alike.

`api.create_app` gives an ASGI application. What it answers is what a cluster with Seldon Core's
CRD would: discovery, objects, watches, patches, tables and errors as Kubernetes words them.
"""
