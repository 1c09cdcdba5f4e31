"""Great Expectations: checks a table against a suite and renders its page. The only package that imports it.

Nothing of a cell leaves it (`privacy`), nothing is written and nothing is sent: the data context lives in memory, and
the pages refer to no other host (`rendering`).
"""

from nightshift.adapters.expectations.checking import Checked, Failure, check

__all__ = ["Checked", "Failure", "check"]
