"""Publishes the model card where people look for it, again whenever its records change.

In MLflow: the version's description (a summary) and the files `model-card.md` and `model-card.html` of its run. In the
bucket of Nightshift: a copy of MLflow's part, for the view in Airflow, which has no right to MLflow.
"""

import logging
import os
from contextlib import suppress

from nightshift.adapters.mlflow.connection import NotFound
from nightshift.context import ModelContext
from nightshift.errors import NightshiftError
from nightshift.safe_messages import describe

log = logging.getLogger("nightshift.card")
MOST_CHARACTERS = 4900
"""MLflow's database holds 5,000 characters of a description; what they are counted in differs between databases."""


def publish_cards(context: ModelContext, *versions: int | None) -> None:
    """Writes the model cards of the versions anew from the records; None is nobody. Raises nothing: a card decides
    nothing.

    One that cannot be written is a warning in the log; the next decision or score, or `nightshift explain --publish`,
    writes it.
    """
    for number in dict.fromkeys(versions):
        if number is not None:
            _publish(context, number)


def _publish(context: ModelContext, number: int) -> None:
    try:
        refresh(context, number)
    except (NightshiftError, NotFound) as error:
        log.warning("the model card of version %d of %s is not refreshed: %s", number, context.name, error)
    except Exception as error:  # the decision stands already: a record that nobody foresaw must not fail its step
        log.warning(
            "the model card of version %d of %s is not refreshed: a bug, %s", number, context.name, describe(error)
        )


def refresh(context: ModelContext, number: int) -> None:
    """As `publish_cards` for one version, and raises what goes wrong: `TryLater`, `BadConfig` when no record knows the
    version.
    """
    # The templates cost 50 ms to import: a step that decides nothing new does without.
    from nightshift.adapters.mlflow import version_record
    from nightshift.model_card import render_card, stored_record
    from nightshift.model_card.collect_record import collect
    from nightshift.model_card.links import Links
    from nightshift.model_card.mlflow_part import load_source

    registry, model = context.registry, context.name
    version_source = load_source(context, number)
    card = collect(context.store, model, number, version_source.record, copied=version_source.copied)
    links = Links(mlflow=os.environ.get("NIGHTSHIFT_MLFLOW_URL", registry.server.url).rstrip("/"))
    if not version_source.copied:
        stored_record.keep(context.store, version_source.record, version_source.pictures)
    with suppress(NotFound):  # the version or its run was deleted: the copy in the bucket is what is left
        version_record.describe(registry, model, number, render_card.render_summary(card, links, MOST_CHARACTERS))
        if version_source.record.run is not None and version_source.record.run.folder and not version_source.copied:
            folder = version_source.record.run.folder
            registry.server.put_artifact(f"{folder}/model-card.md", render_card.render_markdown(card, links).encode())
            registry.server.put_artifact(
                f"{folder}/model-card.html", render_card.render_page(card, links, version_source.pictures)
            )
    log.info("the model card of version %d of %s is written", number, model)
