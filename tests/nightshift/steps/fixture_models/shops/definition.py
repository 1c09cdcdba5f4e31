"""Declares the shops model."""

from nightshift.definition import Dataset, Gate, Model, Window

KEY = ("shop", "hour")

MODEL = Model(
    name="shops",
    title="Will a shop sell out within the hour",
    task="classification",
    owner="shop-planning",
    docs="A model for tests.",
    facts=Dataset(name="sales", uri="s3://lake/sales/date={night}/", suite="sales", key=KEY),
    scheduled=Dataset(name="openings", uri="s3://lake/openings/date={night}/", suite="openings", key=KEY),
    key=KEY,
    window=Window(train_days=6, holdout_days=5, history_days=2),
    gate=Gate(
        metric="log_loss",
        floor=0.69,
        confidence=0.95,  # a few days of forty rows: at the default nothing would ever win
        slices=("region",),
        max_slice_loss=0.05,
        max_calibration_gap=0.2,
    ),
)
