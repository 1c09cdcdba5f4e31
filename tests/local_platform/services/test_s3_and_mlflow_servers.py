"""The servers of the tests are real: they keep what is written, and refuse who may not."""

import urllib.request

import pytest
from botocore.exceptions import ClientError

from local_platform.services import s3_service as s3_server
from nightshift.adapters.s3.object_store import ObjectStore


def test_what_is_written_can_be_read(store: ObjectStore) -> None:
    store.put(store.build_uri("a/b"), b"text")
    assert store.get(store.build_uri("a/b")) == b"text"


def test_a_test_begins_with_an_empty_bucket(store: ObjectStore) -> None:
    assert store.list_objects(store.build_uri("")) == []


def test_an_identity_without_write_access_is_refused(s3_storage: s3_server.S3Server) -> None:
    viewer = s3_server.make_client(s3_storage, next(i for i in s3_storage.identities if i.name == "viewer"))
    with pytest.raises(ClientError, match="AccessDenied"):
        viewer.put_object(Bucket="nightshift", Key="x", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        viewer.get_object(Bucket="lake", Key=s3_server.READINESS)


def test_a_first_start_that_stored_nothing_is_finished_by_whoever_asks_again(s3_storage: s3_server.S3Server) -> None:
    """The buckets may be there before the server can store an object: that one is missing then."""
    s3_server.make_client(s3_storage).delete_object(Bucket="lake", Key=s3_server.READINESS)
    assert [s3_server.is_ready(s3_storage) for _ in range(2)] == [False, True]


def test_the_inner_servers_take_nothing_without_a_key(s3_storage: s3_server.S3Server) -> None:
    with pytest.raises(urllib.request.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{s3_storage.ports.filer}/buckets/lake/{s3_server.READINESS}")


def test_artifacts_go_through_the_server_into_its_bucket(mlflow_server: str, s3_storage: s3_server.S3Server) -> None:
    put = urllib.request.Request(  # noqa: S310 - http
        f"{mlflow_server}/api/2.0/mlflow-artifacts/artifacts/a/b.txt", data=b"text", method="PUT"
    )
    urllib.request.urlopen(put)  # noqa: S310 - http
    assert s3_server.make_client(s3_storage).get_object(Bucket="mlflow", Key="a/b.txt")["Body"].read() == b"text"


def test_mlflow_s_database_is_written_ahead(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bytes 18 and 19 of the file say so (https://sqlite.org/fileformat.html): 1 is a rollback journal, 2 a log."""
    assert mlflow_server
    (database,) = tmp_path_factory.getbasetemp().glob("mlflow[0-9]/mlflow.db")
    assert database.read_bytes()[18:20] == b"\2\2"
