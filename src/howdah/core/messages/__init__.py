"""The Pachyderm protocol's messages as fast protobuf classes, derived from the official SDK.

Below both the server (`pachd.wire`) and the client, which share it and may not know
each other. Importing this package costs nothing; `catalogue()` does the work once.
"""
