"""Requests about buckets: branches made, found, listed, emptied and deleted."""

from datetime import UTC, datetime

from starlette.responses import Response

from howdah.core.refs import USER
from howdah.pachd.versions import Transaction, Versions
from howdah.pachd.versions.errors import BranchNotFound
from howdah.pachd.wire.s3 import listing
from howdah.pachd.wire.s3.exchange import Exchange
from howdah.pachd.wire.s3.failures import BucketNotEmpty, MalformedXml, MethodNotAllowed, told
from howdah.pachd.wire.s3.markup import Value, children, document
from howdah.pachd.wire.s3.names import Bucket, bucket_name, path_of

_DELETE_LIMIT = 1000
_OWNER: Value = [("ID", "howdah"), ("DisplayName", "howdah")]


class Buckets:
    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def all(self, asked: Exchange) -> Response:
        with self._versions.view() as view:
            found = [(branch, info.created_ns) for info in view.repos(USER) for branch in info.branches]
        buckets: list[tuple[str, Value]] = [
            ("Bucket", [("Name", bucket_name(branch)), ("CreationDate", _instant(created_ns))])
            for branch, created_ns in sorted(found)
        ]
        return document("ListAllMyBucketsResult", [("Owner", _OWNER), ("Buckets", buckets)])

    def list(self, asked: Exchange) -> Response:
        """Also what clients ask of a bucket before they use it."""
        bucket = Bucket.parse(asked.bucket)
        if "location" in asked.query:
            self._check(bucket)
            return document("LocationConstraint", [])
        if "versioning" in asked.query:
            self._check(bucket)
            return document("VersioningConfiguration", [("Status", "Enabled")])
        files = self._versions.files(bucket.commit)
        return listing.answer(files, listing.Asked.of(asked.bucket, asked.query))

    def head(self, asked: Exchange) -> Response:
        self._check(Bucket.parse(asked.bucket))
        return Response()

    def _check(self, bucket: Bucket) -> None:
        with self._versions.view() as view:
            view.commit(bucket.commit)

    def create(self, asked: Exchange) -> Response:
        """The repo if it is missing, and its branch."""
        bucket = _writable(Bucket.parse(asked.bucket))

        def change(tx: Transaction) -> None:
            if not tx.view.repo_exists(bucket.branch.repo):
                tx.create_repo(bucket.branch.repo)
            if tx.view.find_branch(bucket.branch) is None:
                tx.create_branch(bucket.branch)

        self._versions.transact(change)
        return Response(headers={"location": f"/{asked.bucket}"})

    def delete(self, asked: Exchange) -> Response:
        """The branch, and its repo with the last of its branches; only when it holds nothing."""
        bucket = _writable(Bucket.parse(asked.bucket))
        files = self._versions.files(bucket.commit)
        if next(files.tree.files(), None) is not None:
            raise BucketNotEmpty(f"{asked.bucket} still holds files")

        def change(tx: Transaction) -> None:
            if tx.view.find_branch(bucket.branch) is None:
                raise BranchNotFound(bucket.branch)
            if len(tx.view.repo(bucket.branch.repo).branches) == 1:
                tx.delete_repo(bucket.branch.repo)
            else:
                tx.delete_branch(bucket.branch)

        self._versions.transact(change)
        return Response(status_code=204)

    def delete_objects(self, asked: Exchange) -> Response:
        bucket = _writable(Bucket.parse(asked.bucket))
        data = asked.body.document()
        keys = [each.get("Key", "") for each in children(data, "Object")]
        if not keys or len(keys) > _DELETE_LIMIT:
            raise MalformedXml(f"name 1 to {_DELETE_LIMIT} objects")
        results: list[tuple[str, Value]] = []
        with self._versions.modify(bucket.commit) as session:
            for key in keys:
                try:
                    session.delete(path_of(key))
                except Exception as error:  # noqa: BLE001 - told beside the key that it belongs to
                    results.append(
                        ("Error", [("Key", key), ("Code", told(error)[0]), ("Message", str(error))])
                    )
                else:
                    results.append(("Deleted", [("Key", key)]))
        quiet = b"<Quiet>true</Quiet>" in data
        return document("DeleteResult", [each for each in results if not quiet or each[0] == "Error"])


def _writable(bucket: Bucket) -> Bucket:
    if not bucket.writable:
        raise MethodNotAllowed(f"{bucket.name} names a commit, which never changes; write to its branch")
    return bucket


def _instant(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
