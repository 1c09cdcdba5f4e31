"""Arguments that several commands have."""

import argparse

from nightshift import catalog


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the name of a model."""
    parser.add_argument("model", metavar="MODEL", help=f"one of: {', '.join(catalog.list_names())}")


def add_night(parser: argparse.ArgumentParser) -> None:
    """Adds the night of a step."""
    parser.add_argument("night", metavar="NIGHT", help="the day whose data is processed, YYYY-MM-DD")


def add_show_values(parser: argparse.ArgumentParser) -> None:
    """Adds the option that shows values of the data."""
    parser.add_argument("--show-values", action="store_true", help="print exceptions in full; in a terminal only")
