"""The object store against a real S3 server: conditional writes, absence, refusal and a server that is gone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore, digest_objects, split, to_json
from nightshift.errors import BadConfig, TryLater
from nightshift.settings import StorageSettings
from nightshift.stored_records import to_plain
from support.stored_results import make_result, make_train_result
from support.verdicts import build_evaluate_result


def test_what_is_put_is_got(store: ObjectStore) -> None:
    uri = store.build_uri("a/b c/å.json")
    store.put_json(uri, {"night": "2013-02-09", "ok": True})
    assert store.get_json(uri) == {"night": "2013-02-09", "ok": True}


def test_what_is_absent_is_none_and_lists_as_nothing(store: ObjectStore) -> None:
    assert store.get(store.build_uri("nothing/here")) is None
    assert store.list_objects(store.build_uri("nothing/")) == []


def test_only_the_first_of_many_writers_wins(store: ObjectStore) -> None:
    uri = store.build_uri("race/_MANIFEST.json")
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: store.put_if_absent(uri, f"writer {n}".encode()), range(8)))
    assert won.count(True) == 1
    assert store.get(uri) == f"writer {won.index(True)}".encode()


def test_a_write_over_a_changed_object_is_refused(store: ObjectStore) -> None:
    uri = store.build_uri("match/_MANIFEST.json")
    store.put(uri, b"one")
    tagged = store.get_tagged(uri)
    assert tagged is not None
    assert store.put_if_match(uri, b"two", tagged[1])
    assert not store.put_if_match(uri, b"three", tagged[1])
    assert store.get(uri) == b"two"


def test_a_pinned_object_is_read_only_as_it_was(store: ObjectStore) -> None:
    uri = store.build_uri("pinned")
    store.put(uri, b"one")
    tagged = store.get_tagged(uri)
    assert tagged is not None
    assert store.get_pinned(uri, tagged[1]) == b"one"
    store.put(uri, b"two")
    assert store.get_pinned(uri, tagged[1]) is None
    store.delete([uri])
    assert store.get_pinned(uri, tagged[1]) is None


def test_a_write_over_an_object_that_is_gone_is_refused(store: ObjectStore) -> None:
    assert not store.put_if_match(store.build_uri("gone"), b"x", '"0123456789abcdef0123456789abcdef"')


def test_the_digest_changes_with_any_object(store: ObjectStore) -> None:
    store.put(store.build_uri("d/1"), b"one")
    before = digest_objects(store.list_objects(store.build_uri("d/")))
    assert before == digest_objects(store.list_objects(store.build_uri("d/")))
    store.put(store.build_uri("d/1"), b"two")
    assert digest_objects(store.list_objects(store.build_uri("d/"))) != before


def test_folders_are_the_names_below_a_prefix(store: ObjectStore) -> None:
    for key in ("f/date=2013-01-02/part", "f/date=2013-01-01/part", "f/file"):
        store.put(store.build_uri(key), b"x")
    assert store.list_folders(store.build_uri("f/")) == ["date=2013-01-01", "date=2013-01-02"]


def test_deleting_what_is_gone_is_no_error(store: ObjectStore) -> None:
    store.put(store.build_uri("x"), b"x")
    store.delete([store.build_uri("x"), store.build_uri("x")])
    assert store.get(store.build_uri("x")) is None


def test_a_result_comes_back_as_it_was(store: ObjectStore) -> None:
    result = make_result(make_train_result(3))
    assert step_results.save(store, result) == store.build_uri("runs/flights/2013-02-09/train.json")
    assert step_results.load_any(store, "flights", date(2013, 2, 9), "train") == result
    assert step_results.load_any(store, "flights", date(2013, 2, 9), "score") is None


@pytest.mark.parametrize("other", [{"model": "[x](https://evil.example)"}, {"night": "2013-02-08"}, {"verb": "score"}])
def test_a_result_of_something_else_is_refused(store: ObjectStore, other: dict[str, str]) -> None:
    """Every step can write everywhere in the bucket."""
    uri = store.build_uri("runs/flights/2013-02-09/evaluate.json")
    store.put_json(uri, {**to_plain(build_evaluate_result("2013-02-09")), **other})
    with pytest.raises(BadConfig, match=r"\As3://\S+ holds the result of something else: delete it, then run evaluate"):
        step_results.load_any(store, "flights", date(2013, 2, 9), "evaluate")


WHOLE = to_plain(build_evaluate_result("2013-02-09"))


@pytest.mark.parametrize(
    "other",
    [
        {},
        [],
        "text",
        None,
        3,
        {"model": "flights"},
        {**WHOLE, "detail": []},
        {**WHOLE, "detail": None},
        {**WHOLE, "night": 20130209},
        {**WHOLE, "outcome": None},
        {**WHOLE, "seconds": "1.5"},
        {**WHOLE, "seconds": True},
        {**WHOLE, "verb": None},
        {**WHOLE, "started": "yesterday"},
    ],
)
def test_what_is_no_result_is_refused(store: ObjectStore, other: object) -> None:
    store.put_json(store.build_uri("runs/flights/2013-02-09/evaluate.json"), other)
    with pytest.raises(
        BadConfig, match=r"\As3://\S+ is no result of a step \(.+\): delete it, then run evaluate of 2013-02-09"
    ):
        step_results.load_any(store, "flights", date(2013, 2, 9), "evaluate")


@pytest.mark.parametrize("data", [b"", b"{", b"null", b'{"model": "fli', b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_a_result_that_is_half_written_is_refused_with_a_remedy(store: ObjectStore, data: bytes) -> None:
    store.put(store.build_uri("runs/flights/2013-02-09/train.json"), data)
    with pytest.raises(
        BadConfig, match=r"is no result of a step \(.+\): delete it, then run train of 2013-02-09"
    ) as raised:
        step_results.load_any(store, "flights", date(2013, 2, 9), "train")
    assert raised.value.__cause__ is None


def test_other_json_that_is_half_written_is_refused_with_a_remedy(store: ObjectStore) -> None:
    store.put(store.build_uri("docs/x/result.json"), b'{"a": ')
    with pytest.raises(BadConfig, match=r"docs/x/result\.json is no JSON \(6 bytes\).*; delete it, and run the step"):
        store.get_json(store.build_uri("docs/x/result.json"))


def test_a_validation_whose_datasets_are_no_such_is_refused(store: ObjectStore) -> None:
    for datasets in ([{"dataset": "facts"}], [3], "facts", [{"dataset": "f", "night": "x", "partition": "p"}]):
        broken = {**WHOLE, "verb": "validate", "detail": {"datasets": datasets}}
        store.put_json(store.build_uri("runs/flights/2013-02-09/validate.json"), broken)
        with pytest.raises(
            BadConfig, match=r"is no result of a step \(.+\): delete it, then run validate of 2013-02-09"
        ):
            step_results.load_any(store, "flights", date(2013, 2, 9), "validate")


def test_wrong_credentials_are_a_matter_of_configuration(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(BadConfig, match="S3 refused"):
        ObjectStore(StorageSettings()).get(store.build_uri("x"))


def test_a_server_that_is_gone_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", "0")
    settings = StorageSettings(endpoint="http://127.0.0.1:9", bucket="lake")
    with pytest.raises(TryLater, match="could not be reached at reading s3://lake/x"):
        ObjectStore(settings).get("s3://lake/x")


@pytest.mark.parametrize("uri", ["http://lake/x", "lake/x", "s3://"])
def test_only_s3_addresses_are_taken(uri: str) -> None:
    with pytest.raises(BadConfig, match="not an S3 address"):
        split(uri)


def test_a_key_with_question_marks_and_hashes_is_kept_whole() -> None:
    assert split("s3://lake/a?b#c") == ("lake", "a?b#c")


def test_json_without_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json({"metric": float("nan")})
