"""`score`: the champion that `promote` named predicts every row of the next schedule, published by manifest.

Written: the manifest of `scores/<model>/date=<next night>/`, which names the files. Their columns: the model's key as
it was delivered, night (the one scored), prediction, model_version; where a column of the key has one of these names,
`nightshift_` stands before ours, and the manifest's `columns` has the names by role. Its meta: idempotency_key, model,
version, night, and `before`, the earlier publications. How to read them: docs/predictions.md.
"""

import logging
from datetime import date

from nightshift.adapters.s3.manifests import Manifest, build_location, load_manifest
from nightshift.context import Context, build_idempotency_key
from nightshift.definition import Model
from nightshift.errors import NothingToDo
from nightshift.lake.publish_table import Table, publish
from nightshift.model_card.publish_card import publish_cards
from nightshift.modelling.earlier_steps import load_finished
from nightshift.modelling.inputs import digest_scoring_inputs, require_validated
from nightshift.promotion.champion_state import ChampionState, find_scorer
from nightshift.promotion.sync_alias import sync_alias
from nightshift.results import Outcome, PromoteResult, ScoreResult

log = logging.getLogger("nightshift.score")


def run(context: Context) -> Outcome[ScoreResult]:
    """Publishes the predictions for the schedule after the night, or finds that they are published.

    Raises `DataRejected` when that schedule is missing or was not validated, `NothingToDo` when there is no champion or
    another attempt published meanwhile, `BadConfig` when `promote` has not run.
    """
    decided = load_finished(context, PromoteResult, ("done", "nothing_to_do")).detail.champion_version
    state = sync_alias(context)
    outcome = publish_with(context, state, _choose_scorer(context, state, decided))
    result = outcome.detail
    if not result.reused:  # what a version scored is part of its model card
        publish_cards(context, result.version, result.replaced)
    return outcome


def publish_with(context: Context, state: ChampionState, version: int | None) -> Outcome[ScoreResult]:
    """As `run`, with the predictions of one version, and without the model cards."""
    model, night = context.model, context.night
    if version is None:
        raise NothingToDo(f"model {model.name} has no champion: nothing scores {night}")
    day = compute_scored_day(model, night)
    partition = build_partition_uri(context, day)
    require_validated(context.lake, night)
    # Read before anything is computed: whoever publishes from here on makes our own commit fail.
    current = load_manifest(context.store, partition)
    key = build_idempotency_key(context, f"{digest_scoring_inputs(context.lake, day)} {version}")
    reused = current is not None and current.meta.get("idempotency_key") == key
    if current is None or not reused:
        meta = {"idempotency_key": key, "model": model.name, "version": version, "night": night.isoformat()}
        current = publish(context.store, partition, _predict(context, state, version), meta, replacing=current)
    return _describe(current, partition, key, (version, day, reused))


def compute_scored_day(model: Model, night: date) -> date:
    """The night of the schedule that is known at the end of `night`: one period later."""
    return night + model.schedule.period


def _choose_scorer(context: Context, state: ChampionState, decided: int | None) -> int | None:
    """Returns who scores by the decision of `promote`; in place of a version withdrawn since, who scores now."""
    if decided not in state.withdrawn_versions:
        return decided
    champion = find_scorer(context, state, context.night)
    scorer = champion.number if champion else None
    log.info("version %s, which scored %s, was withdrawn since: version %s scores it", decided, context.night, scorer)
    return scorer


def build_partition_uri(context: Context, day: date) -> str:
    """Where the predictions for a day are published."""
    return context.store.build_uri(f"scores/{context.model.name}/date={day.isoformat()}/")


def _predict(context: Context, state: ChampionState, number: int) -> Table:
    """Returns the rows to publish. Raises `DataRejected` or `BadConfig` when one of them must not be."""
    from nightshift.adapters.mlflow.load_version import load, select_matrix
    from nightshift.modelling import score_table
    from nightshift.modelling.examples import load_scheduled_features
    from nightshift.modelling.predict import predict
    from nightshift.promotion.trusted_types import read_trusted_types

    model, lake, day = context.model, context.lake, compute_scored_day(context.model, context.night)
    partition = model.scheduled.build_partition_uri(day)
    lake.require(model.scheduled, day)
    delivered = lake.load_table(model.scheduled, day)
    keys = score_table.read_delivered_keys(model, delivered, partition)
    version = context.registry.load_version(model.name, number)
    loaded = load(context.registry, version, read_trusted_types(context, state, version))
    scheduled, features = load_scheduled_features(lake, day)
    score_table.require_same_rows(delivered, scheduled, model.key, partition)
    predictions = predict(loaded.estimator, model.task, select_matrix(loaded, features))
    who = f"version {number} of model {model.name}, scoring {day},"
    score_table.require_sound(predictions, model.task, keys.num_rows, who)
    return score_table.build_scores(keys, day, predictions, number)


def _describe(published: Manifest, partition: str, key: str, scored_by: tuple[int, date, bool]) -> Outcome[ScoreResult]:
    version, day, reused = scored_by
    before = published.meta.get("before")
    replaced = before[-1].get("version") if before else None
    result = ScoreResult(
        version=version,
        scored_night=day,
        rows=published.rows,
        manifest=build_location(partition),
        idempotency_key=key,
        reused=reused,
        replaced=replaced if isinstance(replaced, int) else None,
    )
    did = "were published before" if reused else "are published"
    return Outcome(
        summary=f"{published.rows:,} predictions of champion {version} for {day} {did}: {partition}", detail=result
    )
