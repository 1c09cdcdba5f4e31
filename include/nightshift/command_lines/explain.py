"""The arguments and the help of `nightshift explain`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model

DETAILS = """\
One page: data with digests and validations, window and holdout, code and image, parameters, metrics with slices and
pictures, the verdict, who decided, when it was champion, what it scored. It is made from the records alone: ledger,
results of steps, Data Docs, manifests of predictions, MLflow. What none of them has is "not recorded".
"""
EXAMPLES = """\
nightshift explain flights 2
nightshift explain flights 2 --format html --output v2.html
nightshift explain flights 2 --publish    # write the model card in MLflow again
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    parser.add_argument("version", metavar="VERSION", help="the version's number in MLflow's registry")
    parser.add_argument("--format", choices=("markdown", "html"), default="markdown", help="default: markdown")
    parser.add_argument("--output", metavar="FILE", help="where to write it; default: standard output")
    parser.add_argument("--airflow", metavar="URL", default="", help="Airflow's address, for links to its pages")
    parser.add_argument("--publish", action="store_true", help="write the model card in MLflow again instead")
