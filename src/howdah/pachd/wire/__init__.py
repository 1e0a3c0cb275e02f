"""pachd on the wire: gRPC, the JSON gateway and the S3 gateway over the versioned store.

A service is a class whose methods bear the RPCs' names in snake case and take and return the fast
message classes of `contract`; `dispatch.Dispatcher` finds them by the table of RPCs, checks at the
start that each name exists, and serves them to every gateway alike. To add a service, write a class
with `service = "pps_v2.API"` and hand an instance to the dispatcher in `daemon.py`; several classes
may share one service.
"""
