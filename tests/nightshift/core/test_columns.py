import pytest

from nightshift.core.columns import choose_free_name


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ([], "night"),
        (["nights"], "night"),
        (["night"], "nightshift_night"),
        (["NIGHT"], "nightshift_night"),
        (["night", "Nightshift_Night"], "nightshift_nightshift_night"),
    ],
)
def test_a_name_is_kept_or_made_free(taken: list[str], name: str) -> None:
    assert choose_free_name("night", taken) == name
