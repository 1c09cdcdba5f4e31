"""Refuses environment variables that look like one of Nightshift's and are none.

A misspelt name would be ignored in silence, and a step would go to another bucket than the one that was meant. Only the
standard library is imported: steps, the platform and Airflow's plugin all ask it.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches

from nightshift.errors import BadConfig
from nightshift.known_variables import AIRFLOW, COMPOSE, INTERNAL, PLATFORM, SERVICES, SETTINGS_FILE, STEPS

PREFIX = "NIGHTSHIFT_"
DESCRIBED = (*STEPS, *SERVICES, *AIRFLOW, *PLATFORM, *COMPOSE)
KNOWN = frozenset(
    (*(variable.name for variable in DESCRIBED if variable.name.startswith(PREFIX)), *SETTINGS_FILE, *INTERNAL)
)
OF_TESTS = "NIGHTSHIFT_TEST_"
"""Prefix of what only the tests read; each says itself what it takes."""
MLFLOW = tuple(variable.name for variable in SERVICES if variable.name.startswith("MLFLOW_"))
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
    wrong = list(_list_objections(environment))
    if wrong:
        raise BadConfig("the environment is wrong: " + "; ".join(wrong))


def _list_objections(environment: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(environment):
        upper = name.upper()
        if upper in KNOWN or upper in MLFLOW:
            if name != upper:
                yield f"{name} must be written in capitals, as {upper}"
        elif upper.startswith(PREFIX):
            if not (name.startswith(OF_TESTS) or _is_service_link(name, environment[name])):
                yield f"{name} is no setting of Nightshift{_find_nearest(upper, NEAR)}"
        elif _is_nearly_ours(upper):
            yield f"{name} is no setting of Nightshift{_find_nearest(upper, NEAR)}"
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


def _find_nearest(upper: str, cutoff: float) -> str:
    longer = sorted((name for name in KNOWN if name.startswith(f"{upper}_")), key=len)
    near = longer or get_close_matches(upper, sorted(KNOWN), n=1, cutoff=cutoff)
    return f": did you mean {near[0]}?" if near else ": remove it"
