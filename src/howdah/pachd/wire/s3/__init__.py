"""The S3 gateway: every branch and every commit is a bucket.

`[commit.][branch.]repo[.project]`: two parts are branch and repo, the branch is `master` and the
project `default` where they are left out. A bucket that names a commit is read-only and never
changes; one that names a branch shows its head, and each write to it is a commit, or goes into the
commit that is open. Credentials matter only when the server has a token: then access key and secret
are both the token, and every request's signature is checked.

`app` routes, `buckets`, `objects`, `uploads` answer, `signing` checks, `payload` reads bodies.
"""
