"""The demo's nights are the last before today, stay the same afterwards, and know what training looks back on."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from local_platform.demo.night_plan import group_consecutive, list_days, list_history, load_or_make_plan
from nightshift import catalog

TODAY = date(2026, 3, 1)


def test_the_nights_end_yesterday_in_the_order_of_their_runs(tmp_path: Path) -> None:
    plan = load_or_make_plan(tmp_path / "demo.json", TODAY)
    assert plan.nights[-1] == TODAY - timedelta(days=1)
    assert list(plan.nights) == sorted(set(plan.nights))
    assert plan.corrupted in plan.nights[1:-1]


def test_a_later_demo_finds_the_same_nights(tmp_path: Path) -> None:
    first = load_or_make_plan(tmp_path / "demo.json", TODAY)
    assert load_or_make_plan(tmp_path / "demo.json", TODAY + timedelta(days=9)) == first


def test_nights_become_ranges_without_gaps() -> None:
    nights = [date(2026, 2, 27), date(2026, 3, 1), date(2026, 2, 28), date(2026, 3, 9), date(2026, 2, 27)]
    assert group_consecutive(nights) == [(date(2026, 2, 27), date(2026, 3, 1)), (date(2026, 3, 9), date(2026, 3, 9))]
    assert group_consecutive([]) == []


def test_the_history_is_what_the_first_night_looks_back_on(tmp_path: Path) -> None:
    plan, model = load_or_make_plan(tmp_path / "demo.json", TODAY), catalog.load_model("flights")
    ranges = [night for first, last in list_history(plan, model) for night in list_days(first, last)]
    window = model.window
    oldest_day_of_training = plan.nights[0] - timedelta(days=window.holdout_days + window.train_days - 1)
    assert oldest_day_of_training - timedelta(days=window.history_days) in ranges
    assert plan.nights[0] - timedelta(days=1) in ranges
    assert not set(ranges) & set(plan.nights)
    assert max(ranges) < plan.nights[-1]


@pytest.mark.parametrize("damaged", [b"", b'{"model": "fli', b"\0\0", b"[]", b'{"model": "flights", "nights": ["x"]}'])
def test_a_damaged_plan_counts_as_lost(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "demo.json"
    path.write_bytes(damaged)
    created = load_or_make_plan(path, date(2026, 7, 1))
    assert load_or_make_plan(path, date(2026, 8, 1)) == created
