"""The web console: one page on the HTTP port, and the few calls it needs beside the public ones.

The page itself speaks to the JSON gateway and the Kubernetes API of its own origin, like
any other client. What stands here serves its built assets, tells open pages that something
changed, moves files in and out as plain bytes, writes decisions, and passes a form's
request on to the ingress. It reaches pachd through `client` alone.
"""
