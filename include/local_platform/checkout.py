"""Where this checkout is."""

from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2]
"""The root of the checkout: the folder with `dags`, `plugins` and `include`."""
