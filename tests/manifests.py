"""An overlay of `deploy/kubernetes` as kubectl renders it."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("local", "staging", "production")
TASKS_AT_ONCE = {"local": 4, "staging": 8, "production": 16}
"""How many steps each overlay promises room for."""
Object = dict[str, Any]


@dataclass(frozen=True)
class Manifests:
    """The objects of one overlay."""

    overlay: str
    objects: tuple[Object, ...]

    @classmethod
    def of(cls, overlay: str) -> "Manifests":
        """Renders an overlay."""
        return cls(overlay, render(KUBERNETES / "overlays" / overlay))

    def all(self, kind: str, namespace: str = "nightshift") -> list[Object]:
        """The objects of a kind in a namespace."""
        return [one for one in self.objects if one["kind"] == kind and one["metadata"].get("namespace") == namespace]

    def one(self, kind: str, name: str, namespace: str = "nightshift") -> Object:
        """The only object of that kind and name."""
        (found,) = [one for one in self.all(kind, namespace) if one["metadata"]["name"] == name]
        return found


def render(folder: Path) -> tuple[Object, ...]:
    """The objects that `kubectl apply -k FOLDER` would send."""
    renderer = which()
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{renderer} cannot render {folder}: {done.stderr}"
    return tuple(yaml.safe_load_all(done.stdout))


@cache
def which() -> str:
    """What renders here, for messages; skips without kubectl, or with one that is too old."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed on this machine, and the manifests are rendered with it")
    done = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=60)
    kustomize = json.loads(done.stdout).get("kustomizeVersion", "v2.0.3")
    major = int(re.sub(r"\D*(\d+).*", r"\1", kustomize))
    if major < 4:
        pytest.skip(f"kubectl here renders with kustomize {kustomize}, which is too old: install kubectl 1.22 or newer")
    return f"kustomize {kustomize}"
