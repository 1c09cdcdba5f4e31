"""What the administrator of another cluster applies: the manifests of `deploy/kubernetes`, and where this machine is.

One folder of the home. Kubernetes' own tool makes the ConfigMap and the Secret of the steps from two files, so that
no secret stands in a manifest.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from local_platform.checkout import SOURCES
from local_platform.errors import CannotStart
from local_platform.external_cluster.choice import CHOICE
from local_platform.files import write_private
from local_platform.one_machine.platform import Platform
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


def write(platform: Platform) -> Path:
    """Writes the folder, readable by this user only, and returns it. Raises `CannotStart` for the embedded cluster."""
    if platform.external is None:
        raise CannotStart(f"the embedded cluster needs no manifests: for another, export {CHOICE}=external")
    folder = platform.home.manifests
    folder.mkdir(mode=0o700, exist_ok=True)
    # Kustomize takes no absolute path.
    overlay = os.path.relpath(OVERLAY, folder.resolve())
    write_private(folder / "kustomization.yaml", KUSTOMIZATION.format(overlay=overlay))
    write_private(folder / VALUES, _lines(platform.step_values()))
    write_private(folder / SECRETS, _lines(platform.step_secrets()))
    return folder


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
