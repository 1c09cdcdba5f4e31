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

DEPLOY = Path(__file__).parents[2] / "deploy"
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
    def render_overlay(cls, overlay: str) -> "Manifests":
        """Renders an overlay."""
        return cls(overlay, render(KUBERNETES / "overlays" / overlay))

    def list_objects(self, kind: str, namespace: str = "nightshift") -> list[Object]:
        """The objects of a kind in a namespace."""
        return [
            stored
            for stored in self.objects
            if stored["kind"] == kind and stored["metadata"].get("namespace") == namespace
        ]

    def get_object(self, kind: str, name: str, namespace: str = "nightshift") -> Object:
        """The only object of that kind and name."""
        (actual,) = [item for item in self.list_objects(kind, namespace) if item["metadata"]["name"] == name]
        return actual


def render(folder: Path) -> tuple[Object, ...]:
    """The objects that `kubectl apply -k FOLDER` would send."""
    renderer = describe_renderer()
    completed = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert completed.returncode == 0, f"{renderer} cannot render {folder}: {completed.stderr}"
    return tuple(yaml.safe_load_all(completed.stdout))


@cache
def describe_renderer() -> str:
    """What renders here, for messages; skips without kubectl, or with one that is too old."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed on this machine, and the manifests are rendered with it")
    completed = subprocess.run(
        ["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=60
    )
    kustomize = json.loads(completed.stdout).get("kustomizeVersion", "v2.0.3")
    major = int(re.sub(r"\D*(\d+).*", r"\1", kustomize))
    if major < 4:
        pytest.skip(f"kubectl here renders with kustomize {kustomize}, which is too old: install kubectl 1.22 or newer")
    return f"kustomize {kustomize}"
