"""`score`: the champion that `promote` named predicts every row of the next schedule, published by manifest.

Written: the manifest of `scores/<model>/date=<next night>/`, which names the files. Their columns: the model's key as
it was delivered, night (the one scored), prediction, model_version; where a column of the key has one of these names,
`nightshift_` stands before ours, and the manifest's `columns` has the names by role. Its meta: idempotency_key, model,
version, night, and `before`, the earlier publications. How to read them: docs/predictions.md.
"""

import logging
from datetime import date

from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.manifests import Manifest, location, manifest
from nightshift.context import Step, idempotency_key
from nightshift.definition import Model
from nightshift.errors import NothingToDo
from nightshift.lake.publish_table import Table, publish
from nightshift.lake.validated_nights import Lake
from nightshift.model_card.publish_card import publish_cards
from nightshift.modelling.earlier_steps import finished
from nightshift.modelling.inputs import require_validated, scoring_inputs
from nightshift.promotion.champion_state import find_scorer, read_state
from nightshift.promotion.sync_alias import sync_alias
from nightshift.results import Outcome, PromoteResult, ScoreResult

log = logging.getLogger("nightshift.score")


def run(step: Step) -> Outcome[ScoreResult]:
    """Publishes the predictions for the schedule after the night, or finds that they are published.

    Raises `DataRejected` when that schedule is missing or was not validated, `NothingToDo` when there is no champion or
    another attempt published meanwhile, `BadConfig` when `promote` has not run.
    """
    outcome = publish_with(step, _decided(step))
    result = outcome.detail
    if not result.reused:  # what a version scored is part of its model card
        publish_cards(step.store, Registry(), step.model.name, result.version, result.replaced)
    return outcome


def publish_with(step: Step, version: int | None) -> Outcome[ScoreResult]:
    """As `run`, with the predictions of one version, and without the model cards."""
    if version is None:
        raise NothingToDo(f"model {step.model.name} has no champion: nothing scores {step.night}")
    lake, day = Lake(step.store, step.model), scored_day(step.model, step.night)
    partition = partition_of(step, day)
    require_validated(lake, step.night)
    # Read before anything is computed: whoever publishes from here on makes our own commit fail.
    current = manifest(step.store, partition)
    key = idempotency_key(step, f"{scoring_inputs(lake, day)} {version}")
    if current is None or current.meta.get("idempotency_key") != key:
        meta = {"idempotency_key": key, "model": step.model.name, "version": version, "night": step.night.isoformat()}
        current = publish(step.store, partition, _scores(lake, version, day), meta, replacing=current)
        reused = False
    else:
        reused = True
    return _outcome(current, partition, key, (version, day, reused))


def scored_day(model: Model, night: date) -> date:
    """The night of the schedule that is known at the end of `night`: one period later."""
    return night + model.schedule.period


def read_scorer(step: Step) -> tuple[int | None, frozenset[int]]:
    """Who scores the night if it is scored now, and the versions that are withdrawn."""
    registry, ledger = Registry(), Ledger(step.store, step.model.name)
    state = sync_alias(registry, ledger)
    champion = find_scorer(registry, ledger, state, step.night)
    return (champion.number if champion else None), state.withdrawn_versions


def _decided(step: Step) -> int | None:
    """Who scores by the decision of `promote`; in place of a version that was withdrawn since, who scores now."""
    decided = finished(step, PromoteResult, ("done", "nothing_to_do")).detail.champion_version
    scorer, withdrawn = read_scorer(step)
    if decided not in withdrawn:
        return decided
    log.info("version %s, which scored %s, was withdrawn since: version %s scores it", decided, step.night, scorer)
    return scorer


def partition_of(step: Step, day: date) -> str:
    """Where the predictions for a day are published."""
    return step.store.uri(f"scores/{step.model.name}/date={day.isoformat()}/")


def _scores(lake: Lake, number: int, day: date) -> Table:
    """The rows to publish. Raises `DataRejected` or `BadConfig` when one of them must not be."""
    from nightshift.adapters.mlflow.load_version import load, matrix
    from nightshift.modelling import score_table
    from nightshift.modelling.examples import scheduled_features
    from nightshift.modelling.predict import predict
    from nightshift.promotion.trusted_types import read_trusted_types

    model, registry, partition = lake.model, Registry(), lake.model.scheduled.partition(day)
    lake.require(model.scheduled, day)
    delivered = lake.table(model.scheduled, day)
    keys = score_table.delivered_keys(model, delivered, partition)
    version, ledger = registry.version(model.name, number), Ledger(lake.store, model.name)
    loaded = load(registry, version, read_trusted_types(model, ledger, read_state(ledger), version))
    scheduled, features = scheduled_features(lake, day)
    score_table.require_same_rows(delivered, scheduled, model.key, partition)
    predictions = predict(loaded.estimator, model.task, matrix(loaded, features))
    who = f"version {number} of model {model.name}, scoring {day},"
    score_table.require_sound(predictions, model.task, keys.num_rows, who)
    return score_table.scores_of(keys, day, predictions, number)


def _outcome(published: Manifest, partition: str, key: str, said: tuple[int, date, bool]) -> Outcome[ScoreResult]:
    version, day, reused = said
    before = published.meta.get("before")
    replaced = before[-1].get("version") if before else None
    result = ScoreResult(
        version=version,
        scored_night=day,
        rows=published.rows,
        manifest=location(partition),
        idempotency_key=key,
        reused=reused,
        replaced=replaced if isinstance(replaced, int) else None,
    )
    did = "were published before" if reused else "are published"
    return Outcome(
        summary=f"{published.rows:,} predictions of champion {version} for {day} {did}: {partition}", detail=result
    )
