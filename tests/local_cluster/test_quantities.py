from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_cluster import quantities


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("500m", Decimal("0.5")),
        ("128Mi", 128 * 2**20),
        ("1.5Gi", 1.5 * 2**30),
        ("1e3", 1000),
        ("2k", 2000),
        ("-1", -1),
        (".5", Decimal("0.5")),
    ],
)
def test_values(text: str, value: float) -> None:
    assert quantities.parse(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "much", "1 Gi", "1GiB", "1mi", "--1", "1e9999", "٣", "1\n"])
def test_what_is_not_a_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        quantities.parse(text)


@given(st.integers(0, 10**12))
def test_binary_and_decimal_units_agree(number: int) -> None:
    assert quantities.parse(f"{number}Ki") == quantities.parse(str(number * 1024))
    assert quantities.parse(f"{number}m") * 1000 == quantities.parse(f"{number}")
