"""Great Expectations: checks a table against a suite and renders its page. The only package that imports it.

Nothing of a cell leaves it (`privacy`), nothing is written and nothing is sent: the data context lives in memory, and
the pages refer to no other host (`rendering`). `checking.check` is what a step calls.
"""

import logging
import os

# Both before the library is imported. Versions of it that count their users stay silent; its log lines, hundreds at
# the import alone, can carry tracebacks with values of cells.
os.environ["GX_ANALYTICS_ENABLED"] = "false"
logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
