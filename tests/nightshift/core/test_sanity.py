import numpy as np
import pytest

from nightshift.core import sanity


def test_calibration_compares_means() -> None:
    labels = np.array([0.0, 1.0, 0.0, 1.0])
    assert sanity.check_calibration(labels, np.full(4, 0.55), 0.1).passed
    refused = sanity.check_calibration(labels, np.full(4, 0.65), 0.1)
    assert not refused.passed
    assert "0.65 against mean label 0.5" in refused.sentence


def test_a_regression_has_no_range() -> None:
    assert sanity.check_range(np.array([-3.0, 400.0]), "regression").passed
    assert not sanity.check_range(np.array([-0.1, 0.4]), "classification").passed


def test_the_curve_has_groups_of_equal_size_from_low_to_high() -> None:
    predictions = np.linspace(0, 1, 100)
    predicted, true = sanity.compute_curve((predictions > 0.5).astype(float), predictions, bins=4)
    assert predicted == pytest.approx([0.121, 0.374, 0.626, 0.879], abs=0.01)
    assert true.tolist() == [0, 0, 1, 1]


def test_the_curve_of_few_rows_has_fewer_points() -> None:
    predicted, _ = sanity.compute_curve(np.array([1.0, 0.0]), np.array([0.2, 0.1]), bins=10)
    assert predicted.tolist() == [0.1, 0.2]
