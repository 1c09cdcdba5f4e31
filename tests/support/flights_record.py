"""The shapes that the tests of the flights model share."""

from collections.abc import Callable, Mapping
from datetime import date

import pandas as pd

Record = Mapping[str, Mapping[date, pd.DataFrame]]
"""Dataset name, then day: that day's partition."""
FeaturesOf = Callable[[Record, date], pd.DataFrame]
"""The features of one day out of a record."""
