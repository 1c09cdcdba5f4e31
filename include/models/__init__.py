"""The models: one folder each, with a `definition.py` that holds `MODEL`. `nightshift.catalog` loads them.

They stand beside this file, and in the folders that `NIGHTSHIFT_MODELS` names (separated by colons) where a team keeps
its models in a repository of its own.
"""

import os
from pathlib import Path

__path__ = [str(Path(__file__).parent), *(name for name in os.environ.get("NIGHTSHIFT_MODELS", "").split(":") if name)]
