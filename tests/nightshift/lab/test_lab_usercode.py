"""What other people's data and code do to a whole night, train to score."""

import json
from typing import Any

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nightshift.adapters.mlflow.registry import Registry
from nightshift.lake import tables
from nightshift.results import Result
from nightshift.stored_records import to_plain
from support.lab import NEXT, NIGHT, NIGHTS, Lab

CANARY = "canary-7741"


def _shop(lab: Lab, night: Any) -> pd.DataFrame:
    return lab.make_rows(night).assign(id=lambda rows: CANARY + rows["id"])


def _failed(result: Result[Any]) -> dict[str, str]:
    checks = result.detail.verdict.checks
    return {check.name: check.sentence for check in checks if not check.passed}


def test_a_night_of_padded_keys_and_a_sorted_table_go_through_with_the_right_labels(
    lab: Lab, lab_registry: Registry
) -> None:
    """Left out by name in train and evaluate, one label for each row, and no key anywhere but in the scores."""
    for night in NIGHTS:
        lab.write("facts", night, _shop(lab, night))
        lab.write("plan", night, _shop(lab, night)[["id", "x"]])
    lab.write("plan", NEXT, _shop(lab, NEXT)[["id", "x"]])
    lab.write("facts", NIGHTS[1], _shop(lab, NIGHTS[1]).assign(id=lambda rows: rows["id"] + " "))
    lab.write("facts", NIGHTS[5], _shop(lab, NIGHTS[5]).assign(id=lambda rows: rows["id"].str.upper()))
    lab.replace_function("features", lambda scheduled, *_: scheduled.sort_values("x")[["x"]])
    lab.validate_all()
    train, evaluate, promote, score = lab.run_night()
    assert [result.outcome for result in (train, evaluate, promote, score)] == ["done"] * 4, train.summary
    assert train.detail.metrics["roc_auc"] > 0.85
    left = {str(item.night): item.reason for item in train.detail.left_out}
    assert set(left) == {str(NIGHTS[1]), str(NIGHTS[5])}
    assert "60 would without the spaces around a key" in left[str(NIGHTS[1])]
    assert "60 would if letter case were ignored" in left[str(NIGHTS[5])]
    assert [str(item.night) for item in evaluate.detail.left_out] == [str(NIGHTS[5])]
    assert [item.matched for item in train.detail.joins] == [60, 0, 60, 60, 60, 0, 60, 60]
    assert [item.matched for item in evaluate.detail.joins] == [60, 0, 60, 60]
    for result in (train, evaluate, promote, score):
        assert CANARY not in json.dumps(to_plain(result))
    versions = lab_registry.server.get("model-versions/search", filter="name = 'lab'")["model_versions"]
    assert versions
    assert CANARY not in str(versions)
    second = lab.run_night("train", "evaluate")
    assert [result.detail.reused for result in second] == [True, True]


def test_a_champion_of_another_list_of_types_is_loaded_with_its_own(lab: Lab, monkeypatch: Any) -> None:
    """The estimator's type changes: last night's champion still scores and is still compared."""
    lab.validate_all()

    def pipeline(seed: int) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(random_state=seed))

    class Odd(LogisticRegression):  # type: ignore[misc]
        pass

    Odd.__module__, Odd.__qualname__ = "models.lab.estimator", "Odd"
    monkeypatch.setattr(lab.estimator, "Odd", Odd, raising=False)
    monkeypatch.setattr(lab.estimator, "TRUSTED", ("models.lab.estimator.Odd",))
    monkeypatch.setattr(lab.estimator, "estimator", lambda seed: Odd(random_state=seed))
    assert [result.outcome for result in lab.run_night("train", "evaluate", "promote")] == ["done"] * 3
    monkeypatch.setattr(lab.estimator, "TRUSTED", ())
    monkeypatch.setattr(lab.estimator, "estimator", pipeline)
    score = lab.run("score")
    assert score.outcome == "done", score.summary
    assert tables.read(lab.store, lab.store.build_uri(f"scores/lab/date={NEXT}/"))["prediction"].notna().all()
    train, evaluate = (lab.run(verb, NIGHT, "newer") for verb in ("train", "evaluate"))
    assert (train.outcome, evaluate.outcome) == ("done", "done"), (train.summary, evaluate.summary)
    assert "comparable" not in _failed(evaluate)
    assert evaluate.detail.verdict.champion is not None
    assert evaluate.detail.trusted == {"1": ("models.lab.estimator.Odd",), "2": ()}

    # Its class is taken away altogether: said in the verdict, and by score, with what to do.
    monkeypatch.delattr(lab.estimator, "Odd")
    evaluate = [lab.run(verb, NIGHT, "newest") for verb in ("train", "evaluate")][-1]
    sentence = _failed(evaluate)["comparable"]
    assert "version 1 of model lab is refused: model.skops is no model that can be read here" in sentence
    assert "Bring back what it needs, or `nightshift set-champion lab previous" in sentence
    score = lab.run("score", NIGHT, "newest")
    assert score.outcome == "bad_config"
    assert "a class or a package of it may be gone" in score.summary
