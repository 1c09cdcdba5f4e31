"""The lab itself: good data goes all the way."""

from support.lab import Lab


def test_good_data_is_trained_on_promoted_and_scored(lab: Lab) -> None:
    assert [result.outcome for result in lab.validate_all()[1:]] == ["done"] * 8
    train, evaluate, promote, score = lab.run_night()
    assert [r.outcome for r in (train, evaluate, promote, score)] == ["done"] * 4, [
        r.summary for r in (train, evaluate, promote, score)
    ]
    assert train.detail.rows == 240
    assert score.detail.rows == 60
