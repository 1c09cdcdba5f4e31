"""Writes what the administrator of another cluster applies: the manifests of `deploy/kubernetes` for this machine.

Kustomize makes the ConfigMap and the Secret of the steps from two files, so that no manifest contains a secret.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from local_platform.checkout import SOURCES
from local_platform.files import write_private
from local_platform.services.embedded_cluster import CONFIGURATION, NAMESPACE

OVERLAY = SOURCES / "deploy" / "kubernetes" / "overlays" / "local"
VALUES, SECRETS = "steps.env", "secrets.env"
KUSTOMIZATION = f"""\
# Written at every start for another cluster; changes here are lost. Apply it as the cluster's administrator:
#   kubectl apply -k <this folder>
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {NAMESPACE}
resources:
  - {{overlay}}
generatorOptions:
  disableNameSuffixHash: true
configMapGenerator:
  - name: {CONFIGURATION}
    envs: [{VALUES}]
secretGenerator:
  - name: {CONFIGURATION}
    envs: [{SECRETS}]
"""


def write_manifests(folder: Path, values: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Writes the manifests to `folder`, readable by this user only; `values` and `secrets` are variables of steps."""
    folder.mkdir(mode=0o700, exist_ok=True)
    # Kustomize takes no absolute path.
    overlay = os.path.relpath(OVERLAY, folder.resolve())
    write_private(folder / "kustomization.yaml", KUSTOMIZATION.format(overlay=overlay))
    write_private(folder / VALUES, _render_lines(values))
    write_private(folder / SECRETS, _render_lines(secrets))


def _render_lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
