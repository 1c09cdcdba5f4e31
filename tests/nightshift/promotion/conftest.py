"""Models whose champion changes without training anything."""

import pytest

from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.object_store import ObjectStore
from support.champion_fixtures import Make, TinyModel, build_maker


@pytest.fixture
def make_tiny(store: ObjectStore, mlflow_environment: str, monkeypatch: pytest.MonkeyPatch) -> Make:  # noqa: ARG001
    """Makes tiny models. No model card is written."""
    monkeypatch.setattr("nightshift.promotion.sync_alias.publish_cards", lambda *_: None)
    return build_maker(store, Registry(), monkeypatch)


@pytest.fixture
def tiny(make_tiny: Make) -> TinyModel:
    """One tiny."""
    return make_tiny()
