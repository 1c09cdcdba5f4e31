"""Declares the lab model: the smallest one, for data as other people have it."""

from nightshift.definition import Dataset, Gate, Model, Window

MODEL = Model(
    name="lab",
    title="Lab",
    task="classification",
    owner="tests",
    docs="A model for tests.",
    facts=Dataset(name="facts", uri="s3://lake/facts/date={night}/", suite="facts", key=("id",)),
    scheduled=Dataset(name="plan", uri="s3://lake/plan/date={night}/", suite="plan", key=("id",)),
    key=("id",),
    window=Window(train_days=4, holdout_days=4),
    gate=Gate(metric="roc_auc", floor=0.6, confidence=0.9, resamples=1000, max_calibration_gap=0.5),
)
