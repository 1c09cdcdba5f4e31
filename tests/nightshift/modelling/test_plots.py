"""The pictures beside the numbers, drawn."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from nightshift.core.verdict import SliceGain
from nightshift.modelling import plots
from support.stored_results import make_verdict

LABELS = np.array([0.0, 1.0] * 50)
PREDICTIONS = np.linspace(0.1, 0.9, 100)
SLICES = (
    SliceGain(slice="region", group="north", rows=60, gain=0.02, low=-0.01, high=0.05),
    SliceGain(slice="region", group="other", rows=3),
)
VERDICT = make_verdict(min_gain=0.001, slices=SLICES)
DRAWN = {
    "roc": lambda: plots.draw_roc(LABELS, PREDICTIONS, 0.5),
    "calibration": lambda: plots.draw_calibration(LABELS, PREDICTIONS),
    "importance": lambda: plots.draw_importance({f"column {number}": number / 100 for number in range(20)}, "log_loss"),
    "verdict": lambda: plots.draw_verdict(VERDICT, 63, "version 2 of shops"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_it_is_a_picture_with_lines_in_it(name: str) -> None:
    pixels = imread(io.BytesIO(DRAWN[name]()), format="png")
    height, width, channels = pixels.shape
    assert (height > 200, width > 400) == (True, True)
    assert len(np.unique(pixels.reshape(-1, channels), axis=0)) > 20


def test_the_verdicts_picture_has_a_line_for_every_group_that_was_compared() -> None:
    assert [row[0] for row in plots._list_bars(VERDICT, 63)] == ["all rows (63)", "region north (60)"]
