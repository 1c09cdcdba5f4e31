"""What must hold whatever happened: what readers see is whole and agrees with itself, and what stood still stands."""

import json
from dataclasses import dataclass
from typing import Any

from support.real_platform import RealPlatform

SCORES = "s3://nightshift/scores/"
LEDGER = "s3://nightshift/ledger/flights/"
MANIFEST = "_MANIFEST.json"


@dataclass(frozen=True)
class State:
    """What readers see: every manifest and ledger entry with its ETag, and the champion's version."""

    manifests: dict[str, str]
    ledger: dict[str, str]
    champion: int


def read_state(real: RealPlatform) -> State:
    """Returns what readers see now."""
    manifests = {uri: etag for uri, etag in real.list_stored(SCORES).items() if uri.endswith(MANIFEST)}
    alias = real.request_mlflow("registered-models/alias?name=flights&alias=champion")["model_version"]["version"]
    return State(manifests, real.list_stored(LEDGER), int(alias))


def check(real: RealPlatform, before: State) -> None:
    """Fails when something that stood before does not, when readers could see half of something, or a pod is left."""
    real.wait_until_no_pod(240)  # a node that still tries to pull an image removes its pod afterwards
    now = read_state(real)
    assert {uri: now.manifests.get(uri) for uri in before.manifests} == before.manifests, "predictions were replaced"
    assert {uri: now.ledger.get(uri) for uri in before.ledger} == before.ledger, "the ledger's past was changed"
    assert (_read(real, max(now.ledger))["champion"] or {}).get("version") == now.champion, (
        "the ledger and the alias disagree"
    )
    versions = real.list_version_nights()
    assert sorted(versions) == sorted(set(versions)), "a night has two versions"
    for uri in now.manifests:
        _check_partition(real, uri)


def _check_partition(real: RealPlatform, uri: str) -> None:
    """A partition holds one manifest and nothing else, and the manifest's files are all there."""
    assert list(real.list_stored(uri.removesuffix(MANIFEST))) == [uri]
    missing = [key for key in _read(real, uri)["files"] if real.store.get(real.store.build_uri(key)) is None]
    assert not missing, f"{uri} names files that are not there"


def _read(real: RealPlatform, uri: str) -> Any:
    data = real.store.get(uri)
    assert data is not None, uri
    return json.loads(data)
