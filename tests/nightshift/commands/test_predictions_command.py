"""`nightshift predictions` against a real S3: what it prints, and how it ends."""

import pytest

from nightshift import cli
from nightshift.adapters.s3.object_store import ObjectStore
from support.published import publish_predictions


def test_uris_are_one_a_line_and_nothing_else(store: ObjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    publish_predictions(store, 0.1)
    ours = publish_predictions(store, 0.2)
    assert cli.main(["predictions", "flights", "2013-02-09", "--uris"]) == 0
    assert capsys.readouterr().out.splitlines() == [store.build_uri(key) for key in ours.files]


def test_without_uris_it_says_what_is_published(store: ObjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    ours = publish_predictions(store, 0.2, version=7)
    assert cli.main(["predictions", "flights", "2013-02-09"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "predictions of flights for 2013-02-10, made by the run of night 2013-02-09",
        "rows       2",
        "version    7",
        f"published  {ours.published}",
        "columns    key: id; model_version: model_version; night: night; prediction: prediction",
        f"manifest   {store.build_uri('scores/flights/date=2013-02-10/_MANIFEST.json')}",
        f"file       {store.build_uri(ours.files[0])}",
    ]


def test_nothing_published_is_an_answer_on_standard_error(
    store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert store.bucket
    assert cli.main(["predictions", "flights", "2013-02-09", "--uris"]) == 10
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "`nightshift score flights 2013-02-09` publishes them" in printed.err


@pytest.mark.parametrize("given", [["flights", "yesterday"], ["Flights!", "2013-02-09"]])
def test_what_names_nothing_is_refused(store: ObjectStore, given: list[str]) -> None:
    assert store.bucket
    assert cli.main(["predictions", *given]) == 20


def test_the_help_says_which_night_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["predictions", "--help"])
    assert "NIGHT is the run's night" in capsys.readouterr().out
