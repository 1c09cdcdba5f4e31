"""Whether the data or the model's code is to blame for numbers that nothing can learn from."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from nightshift.errors import BadConfig, DataRejected, NightshiftError


def describe_infinite(tables: Mapping[str, pd.DataFrame]) -> str:
    """The delivered columns with infinite numbers and their counts, as the end of a sentence; empty: there are none."""
    counts = [
        f"{column} of {name} in {count} rows"
        for name, frame in tables.items()
        for column, count in _count_infinite(frame).items()
    ]
    return f"; delivered were {', '.join(counts)}" if counts else ""


def _count_infinite(frame: pd.DataFrame) -> dict[str, int]:
    floats = [column for _, column in frame.items() if pd.api.types.is_float_dtype(column.dtype)]
    counts = {str(column.name): int(np.isinf(column.to_numpy(np.float64, na_value=np.nan)).sum()) for column in floats}
    return {name: count for name, count in counts.items() if count}


def build_error(on_data: bool, sentence: str) -> NightshiftError:
    """The error to raise: `DataRejected` where the delivered data is to blame, `BadConfig` where the code is."""
    if on_data:
        return DataRejected(f"{sentence}: have it landed without them, or let a suite refuse it")
    return BadConfig(f"{sentence}: the function must not make them")
