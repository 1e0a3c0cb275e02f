"""The embedded Pachyderm: storage, versions, pipelines, wire, each standing on the one before."""
