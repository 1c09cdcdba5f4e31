"""Every environment variable of Nightshift: its name, its default and one line on what it is for, by who reads it.

The one list: `variables` checks an environment against it, `settings` and the plugin take their defaults from it,
`nightshift --help` and docs/settings.md are made from it. Only the standard library is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Variable:
    """One environment variable. `default`: empty if there is none; `description`: one line without a full stop."""

    name: str
    description: str
    default: str = ""


STEPS = (
    Variable("NIGHTSHIFT_S3_ENDPOINT", "URL of the S3 server; not set: AWS"),
    Variable("NIGHTSHIFT_S3_REGION", "region that signs requests; servers other than AWS take any", "us-east-1"),
    Variable("NIGHTSHIFT_S3_BUCKET", "bucket of results, ledger, predictions and Data Docs", "nightshift"),
    Variable("NIGHTSHIFT_S3_ADDRESSING", "how a bucket is addressed: path, virtual or auto", "path"),
    Variable("NIGHTSHIFT_RETRY_SECONDS", "seconds that S3 and MLflow may be away before a step gives up", "120"),
    Variable("NIGHTSHIFT_MLFLOW_URL", "URL of MLflow's pages as people reach it, for links; not set: the server's"),
    Variable("NIGHTSHIFT_MODELS", "more folders of models, separated by colons"),
    Variable("NIGHTSHIFT_RUN_CODE_VERSION", "version of the code, part of the idempotency key", "unversioned"),
    Variable("NIGHTSHIFT_RUN_CODE_DIGESTS", "digests of the code's parts, name=digest …; not set: an image's code"),
    Variable("NIGHTSHIFT_RUN_CAUSED_BY", "what started the step, <DAG>:<run> or a shell", "shell"),
    Variable("NIGHTSHIFT_RUN_KIND", "kind of the run: shell, or Airflow's scheduled, manual, backfill, …", "shell"),
    Variable("NIGHTSHIFT_RUN_USER", "person who asked for the run; not set: nobody, or not known"),
    Variable("NIGHTSHIFT_RUN_BACKFILL", "number of Airflow's backfill that the run belongs to"),
    Variable("NIGHTSHIFT_RUN_IMAGE", "image of the pod, with its digest if it is pinned by one"),
)
"""What a step and the command line read."""
SERVICES = (
    Variable("MLFLOW_TRACKING_URI", "URL of the MLflow server; required"),
    Variable("MLFLOW_TRACKING_TOKEN", "bearer token of MLflow"),
    Variable("MLFLOW_TRACKING_USERNAME", "user of MLflow, if it has no token"),
    Variable("MLFLOW_TRACKING_PASSWORD", "that user's password"),
    Variable("AWS_ACCESS_KEY_ID", "access key of S3"),
    Variable("AWS_SECRET_ACCESS_KEY", "secret key of S3"),
    Variable("AWS_CA_BUNDLE", "certificates of a private authority, for S3 only"),
    Variable("REQUESTS_CA_BUNDLE", "certificates of a private authority, for MLflow and S3"),
)
"""What a step reads under the names that the clients of MLflow and S3 gave them."""
AIRFLOW = (
    Variable("NIGHTSHIFT_STEP_IMAGE", "image of the steps' pods", "nightshift-steps:local"),
    Variable("NIGHTSHIFT_NAMESPACE", "namespace of the steps' pods", "nightshift"),
    Variable(
        "NIGHTSHIFT_KUBERNETES_RETRY_SECONDS", "seconds that a task waits for a Kubernetes API that is away", "300"
    ),
    Variable(
        "NIGHTSHIFT_HEALTH_REPORT",
        "URL of Airflow's health report, for the check of a container",
        "http://api-server:8080/api/v2/monitor/health",
    ),
)
"""What Airflow's plugin reads as well."""
PLATFORM = (
    Variable("NIGHTSHIFT_HOME", "folder of the platform's data", ".nightshift"),
    Variable("NIGHTSHIFT_CLUSTER", "where pods run: embedded, or external for another Kubernetes", "embedded"),
    Variable("NIGHTSHIFT_SERVICE_ADDRESS", "address of this machine as pods of another cluster reach it"),
)
"""What `make up` and `make demo` read."""
SETTINGS_FILE = (
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
"""The lines of the platform's file `settings.env`, which explains each."""
COMPOSE = (
    Variable("NIGHTSHIFT_VERSION", "tag of the images", "local"),
    Variable("NIGHTSHIFT_CODE_VERSION", "version that a build writes into the images", "unversioned"),
    Variable("NIGHTSHIFT_AIRFLOW_PORT", "port of Airflow on 127.0.0.1", "8080"),
    Variable("NIGHTSHIFT_MLFLOW_PORT", "port of MLflow on 127.0.0.1", "5000"),
    Variable("NIGHTSHIFT_S3_PORT", "with another cluster: port of S3 on NIGHTSHIFT_SERVICE_ADDRESS", "8333"),
    Variable("NIGHTSHIFT_CLUSTER_CPUS", "CPUs of all pods together", "2"),
    Variable("NIGHTSHIFT_CLUSTER_MEMORY", "memory of all pods together", "4G"),
    Variable("NIGHTSHIFT_POSTGRES_IMAGE", "image of Postgres 15", "postgres:15.14-bookworm"),
    Variable("NIGHTSHIFT_MLFLOW_NAMES", "more host names that MLflow answers to, separated by commas"),
    Variable("NIGHTSHIFT_KEYS", "folder of the secrets inside a container", "/run/keys"),
    Variable("NIGHTSHIFT_STATE", "folder of the data inside a container", "/var/lib/nightshift"),
)
"""What docker-compose.yaml, the images and their containers read."""
INTERNAL = (
    "NIGHTSHIFT_CONFIGURATION",
    "NIGHTSHIFT_TRACKING_DATABASE",
    "NIGHTSHIFT_REACHED",
    "NIGHTSHIFT_LOCAL_HOME",
)
"""What the platform gives to its own processes, and nobody sets."""
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {variable.name: variable.default for variable in (*STEPS, *AIRFLOW, *PLATFORM, *COMPOSE) if variable.default}
)
