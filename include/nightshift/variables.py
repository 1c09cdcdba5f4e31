"""Every environment variable of ours, by who reads it: the one list that says which names are known.

A misspelt name would be ignored in silence, and a step would go to another bucket than the one that was meant. Only the
standard library is imported: steps, the platform and Airflow's plugin all ask it.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches

from nightshift.errors import BadConfig

PREFIX = "NIGHTSHIFT_"
STEPS = (
    "NIGHTSHIFT_S3_ENDPOINT",
    "NIGHTSHIFT_S3_REGION",
    "NIGHTSHIFT_S3_BUCKET",
    "NIGHTSHIFT_S3_ADDRESSING",
    "NIGHTSHIFT_PATIENCE_SECONDS",
    "NIGHTSHIFT_RUN_CODE_VERSION",
    "NIGHTSHIFT_RUN_CAUSED_BY",
    "NIGHTSHIFT_RUN_KIND",
    "NIGHTSHIFT_RUN_USER",
    "NIGHTSHIFT_RUN_BACKFILL",
    "NIGHTSHIFT_RUN_IMAGE",
    "NIGHTSHIFT_RUN_CODE_DIGESTS",
    "NIGHTSHIFT_MODELS",
    "NIGHTSHIFT_MLFLOW_URL",
)
"""What a step and the command line read."""
AIRFLOW = (
    "NIGHTSHIFT_STEP_IMAGE",
    "NIGHTSHIFT_NAMESPACE",
    "NIGHTSHIFT_KUBERNETES_PATIENCE",
    "NIGHTSHIFT_HEALTH_REPORT",
)
"""What Airflow's plugin reads besides."""
PLATFORM = (
    "NIGHTSHIFT_HOME",
    "NIGHTSHIFT_CLUSTER",
    "NIGHTSHIFT_SERVICE_ADDRESS",
    "NIGHTSHIFT_CONFIGURATION",
    "NIGHTSHIFT_TRACKING_DATABASE",
    "NIGHTSHIFT_REACHED",
    "NIGHTSHIFT_LOCAL_HOME",
    "NIGHTSHIFT_LOCAL_AIRFLOW_PORT",
    "NIGHTSHIFT_LOCAL_MLFLOW_PORT",
    "NIGHTSHIFT_LOCAL_S3_PORT",
    "NIGHTSHIFT_LOCAL_CLUSTER_PORT",
    "NIGHTSHIFT_LOCAL_S3_INNER_PORTS",
    "NIGHTSHIFT_LOCAL_ADMIN_PASSWORD",
    "NIGHTSHIFT_LOCAL_ANALYST_PASSWORD",
    "NIGHTSHIFT_LOCAL_S3_ADMIN_KEY",
    "NIGHTSHIFT_LOCAL_S3_STEPS_KEY",
    "NIGHTSHIFT_LOCAL_S3_MLFLOW_KEY",
    "NIGHTSHIFT_LOCAL_S3_VIEWER_KEY",
    "NIGHTSHIFT_LOCAL_AIRFLOW_JWT_KEY",
    "NIGHTSHIFT_LOCAL_AIRFLOW_API_KEY",
    "NIGHTSHIFT_LOCAL_AIRFLOW_FERNET_KEY",
)
"""What the platform of one machine reads, and gives to its own processes."""
COMPOSE = (
    "NIGHTSHIFT_VERSION",
    "NIGHTSHIFT_CODE_VERSION",
    "NIGHTSHIFT_AIRFLOW_PORT",
    "NIGHTSHIFT_MLFLOW_PORT",
    "NIGHTSHIFT_MLFLOW_NAMES",
    "NIGHTSHIFT_S3_PORT",
    "NIGHTSHIFT_CLUSTER_CPUS",
    "NIGHTSHIFT_CLUSTER_MEMORY",
    "NIGHTSHIFT_POSTGRES_IMAGE",
    "NIGHTSHIFT_KEYS",
    "NIGHTSHIFT_STATE",
)
"""What docker-compose.yaml, the images and their containers read."""
KNOWN = frozenset((*STEPS, *AIRFLOW, *PLATFORM, *COMPOSE))
OF_TESTS = "NIGHTSHIFT_TEST_"
"""Prefix of what only the tests read; each says itself what it takes."""
MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
"""What we read of MLflow's own variables. Of the others under this prefix MLflow knows many more than we do."""
MLFLOW_OTHERS = (
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_DIR",
)
LINK = re.compile(r"_SERVICE_HOST\Z|_SERVICE_PORT(_[A-Z0-9_]+)?\Z|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?\Z")
LINK_VALUE = re.compile(r"\A(tcp|udp|sctp)://")
NEAR, NEAR_PREFIX, NEAR_MLFLOW = 0.6, 0.8, 0.85
"""How alike two names must be, from 0 to 1, for one to be taken for the other misspelt."""


def require_known(environment: Mapping[str, str]) -> None:
    """Raises `BadConfig` naming each variable that looks like one of ours and is none, with the nearest known one."""
    wrong = list(_objections(environment))
    if wrong:
        raise BadConfig("the environment is wrong: " + "; ".join(wrong))


def _objections(environment: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(environment):
        upper = name.upper()
        if upper in KNOWN or upper in MLFLOW:
            if name != upper:
                yield f"{name} must be written in capitals, as {upper}"
        elif upper.startswith(PREFIX):
            if not (name.startswith(OF_TESTS) or _is_service_link(name, environment[name])):
                yield f"{name} is no setting of Nightshift{_nearest(upper, NEAR)}"
        elif _is_nearly_ours(upper):
            yield f"{name} is no setting of Nightshift{_nearest(upper, NEAR)}"
        elif upper.startswith("MLFLOW_T") and upper not in MLFLOW_OTHERS:
            near = get_close_matches(upper, MLFLOW, n=1, cutoff=NEAR_MLFLOW)
            if near:
                yield f"{name} is read by nobody: did you mean {near[0]}?"


def _is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes made the variable for a Service called nightshift-…, as it does unless a pod forbids it."""
    return bool(LINK.search(name)) or (name.endswith("_PORT") and bool(LINK_VALUE.match(value)))


def _is_nearly_ours(upper: str) -> bool:
    """Whether a name is one of ours with its prefix misspelt, such as NIGTHSHIFT_S3_BUCKET or NIGHTSHIFTS3_BUCKET."""
    first = upper.split("_", maxsplit=1)[0]
    alike = SequenceMatcher(None, first, PREFIX.rstrip("_")).ratio()
    return alike >= NEAR_PREFIX and bool(get_close_matches(upper, KNOWN, n=1, cutoff=NEAR_PREFIX))


def _nearest(upper: str, cutoff: float) -> str:
    near = get_close_matches(upper, sorted(KNOWN), n=1, cutoff=cutoff)
    return f": did you mean {near[0]}?" if near else ": remove it"
