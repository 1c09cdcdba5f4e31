"""`nightshift explain MODEL VERSION`: the model card of one version on one page, from the records alone."""

import argparse
import logging
import os
import sys
from pathlib import Path

from nightshift.context import read_model_context
from nightshift.definition import NAME
from nightshift.errors import DONE, BadConfig, NightshiftError
from nightshift.model_card import render_card
from nightshift.model_card.collect_record import collect
from nightshift.model_card.links import Links
from nightshift.model_card.mlflow_part import load_source
from nightshift.model_card.publish_card import refresh

log = logging.getLogger("nightshift.explain")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code. The card goes to standard output, everything else to the log."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True)
    try:
        _run(arguments)
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code
    return DONE


def _run(arguments: argparse.Namespace) -> None:
    model, number = _parse_version(arguments)
    context = read_model_context(model)
    if arguments.publish:
        refresh(context, number)
        return
    version_source = load_source(context, number)
    card = collect(context.store, model, number, version_source.record, copied=version_source.copied)
    airflow = arguments.airflow.rstrip("/") or None
    mlflow = os.environ.get("NIGHTSHIFT_MLFLOW_URL", context.registry.server.url).rstrip("/")
    links = Links(view=f"{airflow}/nightshift" if airflow else None, airflow=airflow, mlflow=mlflow)
    if arguments.format == "html":
        _write(arguments.output, render_card.render_page(card, links, version_source.pictures))
    else:
        _write(arguments.output, render_card.render_markdown(card, links).encode())


def _parse_version(arguments: argparse.Namespace) -> tuple[str, int]:
    model, text, airflow = arguments.model, arguments.version, arguments.airflow
    # Records outlive a model's folder: its name is all that counts.
    if not NAME.match(model):
        raise BadConfig(f"model {model[:40]!r} is no name of a model: it must match {NAME.pattern}")
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise BadConfig(f"version {text[:40]!r} is no number of a version: `nightshift history {model}` lists them")
    if airflow and not airflow.startswith(("http://", "https://")):
        raise BadConfig(f"--airflow {airflow[:40]!r} is no address: write it as http://localhost:8080")
    return model, int(text)


def _write(output: str | None, data: bytes) -> None:
    if output is None:
        sys.stdout.write(data.decode())
        return
    try:
        Path(output).write_bytes(data)
    except OSError as error:
        raise BadConfig(f"the model card cannot be written to {output}: {error.strerror}; name another file") from error
    log.info("done: %s", output)
