"""The object store when its server fails: what is waited for, what ends at once, and what a lost reply means."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import product
from pathlib import Path

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from nightshift.adapters.s3 import conditional_writes, step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause, Entry, LedgerVersion, number_entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import BadConfig, TryLater
from nightshift.settings import StorageSettings
from support.faulty_proxy import FaultyProxy, ReceivedRequest, run_faulty_proxy
from support.verdicts import build_evaluate_result

CANARY = "canary-8271"
PASSING = (
    (500, "InternalError"),
    (503, "SlowDown"),
    (429, "TooManyRequests"),
    (400, "RequestTimeout"),
    (502, ""),
    (504, ""),
)
LASTING = (
    (403, "AccessDenied", "what they may do"),
    (403, "AllAccessDisabled", "account"),
    (403, "AccountProblem", "account"),
    (403, "NotSignedUp", "account"),
    (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
    (403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
    (403, "InvalidSecurity", "AWS_SECRET_ACCESS_KEY"),
    (403, "RequestTimeTooSkewed", "clock"),
    (403, "InvalidObjectState", "archived"),
    (400, "AuthorizationHeaderMalformed", "NIGHTSHIFT_S3_REGION"),
    (400, "InvalidBucketName", "3 to 63"),
    (400, "EntityTooLarge", "larger"),
    (301, "PermanentRedirect", "NIGHTSHIFT_S3_REGION"),
    (404, "NoSuchBucket", "NIGHTSHIFT_S3_BUCKET"),
    (405, "MethodNotAllowed", "production.md"),
    (501, "NotImplemented", "production.md"),
    (418, "ACodeThatNobodyKnows", "NIGHTSHIFT_S3_ENDPOINT"),
)
HTML = b"<!DOCTYPE html><html><body>Sign in, please: canary-8271</body></html>"


@pytest.fixture
def proxy(store: ObjectStore, s3: dict[str, str]) -> Iterator[FaultyProxy]:
    """A proxy in front of the session's S3 server; `store` has the bucket."""
    key = Credentials(s3["AWS_ACCESS_KEY_ID"], s3["AWS_SECRET_ACCESS_KEY"])

    def sign(requested: ReceivedRequest, headers: dict[str, str]) -> dict[str, str]:
        request = AWSRequest(
            requested.method, f"http://{headers['host']}{requested.path}", headers=headers, data=requested.body
        )
        del request.headers["authorization"]
        S3SigV4Auth(key, "s3", "us-east-1").add_auth(request)
        return dict(request.headers.items())

    with run_faulty_proxy(store.address, sign) as proxy:
        yield proxy


@pytest.fixture
def behind(store: ObjectStore, proxy: FaultyProxy) -> Callable[..., ObjectStore]:
    """Makes a store that reaches the bucket through the proxy."""

    def behind(seconds: float = 60) -> ObjectStore:
        return ObjectStore(StorageSettings(endpoint=proxy.url, bucket=store.bucket), retry_seconds=seconds)

    return behind


def error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{CANARY}</Message></Error>".encode()


def entry() -> Entry:
    return Entry(
        kind="promotion",
        model="shops",
        version=1,
        night="2013-02-09",
        champion=LedgerVersion(version=1, night="2013-02-09"),
        previous=None,
        reason="it is the first",
        cause=Cause(by="a test"),
        when="2013-02-10T00:00:00+00:00",
    )


def test_eight_readers_wait_for_one_outage_and_none_gives_up(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore]
) -> None:
    """botocore's quota of retries ended here after 35 requests, whatever the clock said."""
    store.put(store.build_uri("x"), b"data")
    unreachable = proxy.add("refuse", left=None)
    reader = behind()
    with ThreadPoolExecutor(8) as readers:
        actual = [readers.submit(reader.get, store.build_uri("x")) for _ in range(8)]
        proxy.wait_for(48)
        proxy.remove(unreachable)
        assert [item.result() for item in actual] == [b"data"] * 8


def test_a_server_that_stays_away_is_waited_for_once_and_its_setting_is_named(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore]
) -> None:
    proxy.add("refuse", left=None)
    unreachable = behind(0.5)
    with pytest.raises(
        TryLater, match=rf"S3 at {proxy.url} \(NIGHTSHIFT_S3_ENDPOINT\) could not be reached at reading"
    ):
        unreachable.get(store.build_uri("x"))
    before = len(proxy.received)
    assert before > 2
    with pytest.raises(TryLater):  # the same outage: the result is not waited for anew
        unreachable.put(store.build_uri("result"), b"x")
    assert len(proxy.received) == before + 1


def test_what_passes_by_itself_is_waited_for(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore]
) -> None:
    store.put(store.build_uri("x"), b"data")
    reader = behind()
    for status, code in PASSING:
        proxy.received.clear()
        proxy.add("answer", left=2, status=status, body=error(code) if code else HTML)
        assert reader.get(store.build_uri("x")) == b"data"
        assert len(proxy.received) == 3


def test_an_answer_that_no_retry_mends_ends_at_once_with_a_remedy(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore]
) -> None:
    reader = behind()
    for status, code, message in LASTING:
        proxy.received.clear()
        fault = proxy.add("answer", left=None, status=status, body=error(code))
        with pytest.raises(BadConfig, match=message) as raised:
            reader.get(store.build_uri("x"))
        proxy.remove(fault)
        assert len(proxy.received) == 1, code
        assert CANARY not in str(raised.value)
        assert raised.value.__cause__ is None


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
def test_an_expired_token_is_read_again_once(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore], code: str
) -> None:
    store.put(store.build_uri("x"), b"data")
    reader = behind()
    expired = proxy.add("answer", left=1, status=400, body=error(code))
    assert reader.get(store.build_uri("x")) == b"data"
    expired.left = None
    before = len(proxy.received)
    with pytest.raises(BadConfig, match=f"refused reading .*: {code}, also after the credentials were read again"):
        reader.get(store.build_uri("x"))
    assert len(proxy.received) == before + 2


def test_something_else_than_s3_is_said_to_be_that(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore]
) -> None:
    """A sign-in page, or a wrong path: it is neither data nor the absence of any."""
    other = behind()
    for status, verb in product((200, 302, 404), ("get", "put", "list_objects", "list_names", "list_folders")):
        headers = {"Content-Type": "text/html"} | ({"Location": f"{proxy.url}/login"} if status == 302 else {})
        fault = proxy.add("answer", left=None, status=status, body=HTML, headers=headers)
        arguments = (store.build_uri("x/"), b"data") if verb == "put" else (store.build_uri("x/"),)
        with pytest.raises(BadConfig, match="NIGHTSHIFT_S3_ENDPOINT") as raised:
            getattr(other, verb)(*arguments)
        proxy.remove(fault)
        assert CANARY not in str(raised.value)


def test_a_typo_in_a_buckets_name_is_no_missing_partition(store: ObjectStore) -> None:
    for verb in (store.list_objects, store.get, store.list_folders, store.list_names):
        with pytest.raises(
            BadConfig, match=r"there is no bucket 'laek' at S3 .* mend the uri in the model's definition"
        ):
            verb("s3://laek/flights/date=2013-02-09/")
    typo = ObjectStore(StorageSettings(endpoint=store.address, bucket="nigthshift"))
    with pytest.raises(BadConfig, match="mend NIGHTSHIFT_S3_BUCKET"):
        typo.put(typo.build_uri("x"), b"data")


def test_no_message_names_an_object_of_a_partition(proxy: FaultyProxy) -> None:
    proxy.add("refuse", left=None)
    unreachable = ObjectStore(StorageSettings(endpoint=proxy.url, bucket="other"), retry_seconds=0)
    for uri in (
        f"s3://lake/flights/date=2013-02-09/region=x/{CANARY}.csv",
        f"s3://other/a/2013-02-09/{CANARY}.parquet",
    ):
        with pytest.raises(TryLater, match=r"reading an object of s3://\S+2013-02-09/ ?") as raised:
            unreachable.get(uri)
        assert CANARY not in str(raised.value)


@pytest.mark.parametrize("condition", ["absent", "match"])
def test_a_conditional_write_whose_reply_is_lost_has_won(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore], condition: str
) -> None:
    writer, uri = behind(), store.build_uri("lost")
    assert writer.put_if_absent(store.build_uri("first"), b"x")  # the server is known from here on
    store.put(uri, b"before")
    tagged = store.get_tagged(uri)
    assert tagged is not None
    if condition == "absent":
        store.delete([uri])
    lost = proxy.add("lose", matches=lambda requested: requested.method == "PUT" and requested.path.endswith("/lost"))
    won = writer.put_if_absent(uri, b"ours") if condition == "absent" else writer.put_if_match(uri, b"ours", tagged[1])
    assert lost.left == 0
    assert won
    assert store.get(uri) == b"ours"
    assert not writer.put_if_absent(uri, b"theirs")


def test_an_entry_and_a_result_whose_reply_is_lost_are_written_once(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore]
) -> None:
    ledger = Ledger(behind(), "shops")
    lost = proxy.add("lose", matches=lambda requested: requested.method == "PUT" and "000001.json" in requested.path)
    first = number_entry(entry(), None, "")
    assert ledger.append(first)
    assert lost.left == 0
    last, digest = Ledger(store, "shops").read_last()
    assert last == first
    assert ledger.append(number_entry(entry(), last, digest))
    result = build_evaluate_result("2013-02-09")
    lost = proxy.add("lose", matches=lambda requested: requested.method == "PUT" and "/runs/" in requested.path)
    step_results.save(behind(), result)
    assert lost.left == 0
    assert step_results.load_any(store, result.model, date(2013, 2, 9), "evaluate") == result


@pytest.mark.parametrize("header", ["if-none-match", "if-match"])
def test_a_server_that_ignores_a_condition_is_refused_by_name_before_the_first_entry(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore], header: str
) -> None:
    proxy.add("strip", left=None, headers={header: ""}, matches=lambda requested: header in requested.headers)
    name = {"if-none-match": "If-None-Match", "if-match": "If-Match"}[header]
    for _ in range(2):  # a refusal is not remembered: the server may be mended
        with pytest.raises(BadConfig, match=f"S3 at {proxy.url} .* does not keep {name} in bucket '{store.bucket}'"):
            Ledger(behind(), "shops").append(number_entry(entry(), None, ""))
    assert store.list_objects(store.build_uri("")) == []


def test_a_server_that_keeps_conditions_is_asked_once_per_bucket_and_address(
    store: ObjectStore, proxy: FaultyProxy, behind: Callable[..., ObjectStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.put_if_absent(store.build_uri("a"), b"x")  # says nothing of the address of the proxy
    assert behind().put_if_absent(store.build_uri("b"), b"x")
    assert len(proxy.list_paths("PUT")) == 5
    monkeypatch.setattr(conditional_writes, "_kept", set())  # as another process
    proxy.received.clear()
    writer = behind()
    for name in "cd":
        assert writer.put_if_absent(store.build_uri(name), b"x")
    assert [requested.method for requested in proxy.received] == ["GET", "PUT", "PUT"]
    assert len(store.list_objects(store.build_uri(conditional_writes.FOLDER))) == 2


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without credentials, and an empty ~/.aws in this folder."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


@pytest.mark.parametrize(
    ("environment", "config", "message"),
    [
        ({}, "", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({"AWS_PROFILE": "nobody"}, "", "AWS_PROFILE names a profile"),
        ({"AWS_ACCESS_KEY_ID": "k"}, "", "half of the S3 credentials is missing"),
        ({"AWS_PROFILE": "half"}, "[profile half]\naws_access_key_id = k\n", "half of the S3 credentials is missing"),
        (
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/steps"},
            "",
            "/nowhere/token .*AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        ({}, "[default\nbroken = yes\n", r"~/\.aws/config"),
        ({"AWS_PROFILE": "p"}, "[profile p]\ncredential_process = /bin/false\n", "the provider custom-process failed"),
        ({"AWS_PROFILE": "p"}, "[profile p]\ncredential_process = /nowhere/x\n", "credentials"),
        ({"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULTS_MODE": "x"}, "", r"variables AWS_\*"),
    ],
)
def test_credentials_that_cannot_be_had_are_a_sentence(
    no_keys: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], config: str, message: str
) -> None:
    (no_keys / "config").write_text(config)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadConfig, match=message) as raised:
        ObjectStore(StorageSettings(endpoint="http://127.0.0.1:9"), retry_seconds=0).get("s3://nightshift/x")
    assert raised.value.__cause__ is None


def test_a_region_that_aws_does_not_have_is_refused_before_it_is_waited_for(
    no_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert no_keys
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with pytest.raises(BadConfig, match=r"NIGHTSHIFT_S3_REGION: 'us-esat-1' is no region .* did you mean us-\w+-1\?"):
        ObjectStore(StorageSettings(region="us-esat-1"))
    ObjectStore(StorageSettings(region="eu-central-1"))


def test_a_bucket_that_can_have_no_such_name_is_a_sentence(store: ObjectStore) -> None:
    with pytest.raises(BadConfig, match="the bucket 'My Lake' has no possible name"):
        store.list_objects("s3://My Lake/x/")
