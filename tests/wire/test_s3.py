"""boto3, s3fs and pandas against the S3 gateway."""

import io
import os
import urllib.error
import urllib.parse
import urllib.request
import uuid
import warnings
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.daemon.house import House


def connect(address: str, key: str = "any") -> Any:
    return boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id=key,
        aws_secret_access_key=key,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.fixture
def s3(house: House) -> Any:
    return connect(house.running.s3)


@pytest.fixture
def repo(s3: Any) -> str:
    name = f"s3-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=f"master.{name}")
    return name


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("bucket", ["{0}", "master.{0}", "master.{0}.default"])
def test_an_object_is_written_and_read_by_each_name_of_its_bucket(s3: Any, repo: str, bucket: str) -> None:
    name = bucket.format(repo)
    s3.put_object(Bucket=name, Key="a/b.txt", Body=b"hello world")
    assert s3.get_object(Bucket=name, Key="a/b.txt")["Body"].read() == b"hello world"
    head = s3.head_object(Bucket=name, Key="a/b.txt")
    assert head["ContentLength"] == 11


def test_a_commit_is_a_bucket_that_never_changes(s3: Any, repo: str) -> None:
    s3.put_object(Bucket=repo, Key="a", Body=b"1")
    commit = s3.head_object(Bucket=repo, Key="a")["VersionId"]
    s3.put_object(Bucket=repo, Key="a", Body=b"2")
    for bucket in (f"{commit}.{repo}", f"{commit}.master.{repo}", f"{commit}.master.{repo}.default"):
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    assert s3.get_object(Bucket=repo, Key="a", VersionId=commit)["Body"].read() == b"1"
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=f"{commit}.{repo}", Key="a", Body=b"3")
    assert code(error) == "MethodNotAllowed"


@pytest.mark.parametrize(
    ("asked", "got"),
    [("bytes=0-3", b"0123"), ("bytes=6-", b"6789"), ("bytes=-2", b"89"), ("bytes=8-99", b"89")],
)
def test_ranges(s3: Any, repo: str, asked: str, got: bytes) -> None:
    s3.put_object(Bucket=repo, Key="digits", Body=b"0123456789")
    assert s3.get_object(Bucket=repo, Key="digits", Range=asked)["Body"].read() == got


def test_a_range_outside_of_the_object_is_an_error(s3: Any, repo: str) -> None:
    s3.put_object(Bucket=repo, Key="digits", Body=b"0123456789")
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=repo, Key="digits", Range="bytes=10-")
    assert code(error) == "InvalidRange"


@pytest.mark.slow
def test_a_large_object_goes_in_parts_and_comes_back(s3: Any, repo: str) -> None:
    data = os.urandom(12 << 20)
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.upload_fileobj(io.BytesIO(data), repo, "large", Config=config)
    got = io.BytesIO()
    s3.download_fileobj(repo, "large", got)
    assert got.getvalue() == data


def test_parts_that_were_not_uploaded_are_refused_and_an_upload_can_be_given_up(s3: Any, repo: str) -> None:
    id = s3.create_multipart_upload(Bucket=repo, Key="x")["UploadId"]
    part = s3.upload_part(Bucket=repo, Key="x", UploadId=id, PartNumber=1, Body=b"1")
    listed = s3.list_parts(Bucket=repo, Key="x", UploadId=id)["Parts"]
    assert [(each["PartNumber"], each["ETag"]) for each in listed] == [(1, part["ETag"])]
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(
            Bucket=repo, Key="x", UploadId=id, MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": "no"}]}
        )
    assert code(error) == "InvalidPart"
    s3.abort_multipart_upload(Bucket=repo, Key="x", UploadId=id)
    with pytest.raises(ClientError) as error:
        s3.upload_part(Bucket=repo, Key="x", UploadId=id, PartNumber=1, Body=b"1")
    assert code(error) == "NoSuchUpload"


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_listing_pages_through_all_keys_and_folds_at_the_delimiter(
    s3: Any, repo: str, operation: str
) -> None:
    for key in ("a", "d/1", "d/2", "d/e/3", "z"):
        s3.put_object(Bucket=repo, Key=key, Body=key.encode())
    pages = s3.get_paginator(operation).paginate(Bucket=repo, PaginationConfig={"PageSize": 2})
    assert [each["Key"] for page in pages for each in page["Contents"]] == ["a", "d/1", "d/2", "d/e/3", "z"]
    folding = s3.get_paginator(operation).paginate(
        Bucket=repo, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    pages = list(folding)
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    folders = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
    assert (keys, folders) == (["a", "z"], ["d/"])
    inside = getattr(s3, operation)(Bucket=repo, Prefix="d/", Delimiter="/")
    assert [each["Key"] for each in inside["Contents"]] == ["d/1", "d/2"]
    assert [each["Prefix"] for each in inside["CommonPrefixes"]] == ["d/e/"]


def test_copying_moves_no_byte_and_deleting_is_forgiving(s3: Any, repo: str) -> None:
    s3.put_object(Bucket=repo, Key="from", Body=b"1")
    s3.copy_object(Bucket=repo, Key="to", CopySource={"Bucket": repo, "Key": "from"})
    assert s3.get_object(Bucket=repo, Key="to")["Body"].read() == b"1"
    s3.delete_object(Bucket=repo, Key="from")
    s3.delete_object(Bucket=repo, Key="never-there")
    s3.delete_objects(Bucket=repo, Delete={"Objects": [{"Key": "to"}]})
    assert "Contents" not in s3.list_objects_v2(Bucket=repo)


def test_buckets_are_branches(s3: Any, repo: str, client: Client) -> None:
    names = {each["Name"] for each in s3.list_buckets()["Buckets"]}
    assert f"master.{repo}.default" in names
    s3.put_object(Bucket=repo, Key="a", Body=b"1")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket=repo)
    assert code(error) == "BucketNotEmpty"
    s3.delete_object(Bucket=repo, Key="a")
    s3.delete_bucket(Bucket=repo)
    assert not client.pfs.repo_exists(pfs.Repo.from_uri(repo))


@pytest.mark.parametrize(
    ("bucket", "key", "expected"),
    [
        ("{0}", "missing", "NoSuchKey"),
        ("master.no-such-repo", "a", "NoSuchBucket"),
        ("no-branch.{0}", "a", "NoSuchBucket"),
        ("a.b.c.d.e", "a", "InvalidBucketName"),
    ],
)
def test_what_is_not_there_is_named(s3: Any, repo: str, bucket: str, key: str, expected: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket.format(repo), Key=key)
    assert code(error) == expected


@pytest.mark.parametrize("key", ["../x", "a/../b", "star*", "sn☃w"])
def test_bad_keys_are_refused(s3: Any, repo: str, key: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=repo, Key=key, Body=b"1")
    assert code(error) == "InvalidObjectName"
    assert "Contents" not in s3.list_objects_v2(Bucket=repo)


def test_a_body_that_is_not_what_its_hash_says_is_not_stored(house: House, repo: str) -> None:
    request = urllib.request.Request(f"{house.running.s3}/{repo}/x", b"other", method="PUT")
    request.add_header("x-amz-content-sha256", "0" * 64)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert b"XAmzContentSHA256Mismatch" in error.value.read()
    error.value.close()
    with pytest.raises(ClientError):
        connect(house.running.s3).get_object(Bucket=repo, Key="x")


@pytest.mark.slow
def test_pandas_reads_a_commit_by_its_id(s3: Any, repo: str, house: House) -> None:
    s3.put_object(Bucket=repo, Key="t.csv", Body=b"a,b\n1,2\n")
    commit = s3.head_object(Bucket=repo, Key="t.csv")["VersionId"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # s3fs is held back by another package, and says so
        import pandas

        options = {"key": "any", "secret": "any", "client_kwargs": {"endpoint_url": house.running.s3}}
        table = pandas.read_csv(f"s3://{commit}.{repo}/t.csv", storage_options=options)
    assert table.to_dict("records") == [{"a": 1, "b": 2}]


@pytest.mark.parametrize("number", ["²", "0", "10001", "9" * 5000, ""])
def test_a_part_without_a_proper_number_is_refused(house: House, s3: Any, repo: str, number: str) -> None:
    id = s3.create_multipart_upload(Bucket=repo, Key="x")["UploadId"]
    query = urllib.parse.urlencode({"uploadId": id, "partNumber": number})
    request = urllib.request.Request(f"{house.running.s3}/{repo}/x?{query}", b"1", method="PUT")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    with error.value as answer:
        assert (answer.code, b"<Code>InvalidArgument<" in answer.read()) == (400, True)


def test_a_source_that_is_no_address_is_refused(house: House, repo: str) -> None:
    request = urllib.request.Request(f"{house.running.s3}/{repo}/x", b"", method="PUT")
    request.add_header("x-amz-copy-source", "//[")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    with error.value as answer:
        assert answer.code == 400
