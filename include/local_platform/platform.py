"""The parts of one machine's platform, put together from the home and its settings."""

from dataclasses import dataclass
from functools import cached_property

import models
from local_platform import alias_sync, cluster, external, forward, options, orchestration, s3, tracking
from local_platform.code_version import code_version, model_digests
from local_platform.home import SOURCES, Home
from local_platform.service import Service, plain_environment
from local_platform.settings import Settings
from nightshift.code_digest import write_digests

LOOPBACK = "127.0.0.1"
FOR_PODS = ("mlflow_port", "s3_port")
LAST_INNER = 8
"""How far the last of the S3 server's inner ports is from the first."""
VERSION = "NIGHTSHIFT_RUN_CODE_VERSION"
DIGESTS = "NIGHTSHIFT_RUN_CODE_DIGESTS"


def team_models() -> dict[str, str]:
    """The folders of models outside of this checkout that the shell names, for Airflow and for steps; mostly none."""
    folders = [str(folder.resolve()) for folder in models.FOLDERS if folder != models.FOLDER]
    return {"NIGHTSHIFT_MODELS": ":".join(folders)} if folders else {}


@dataclass(frozen=True)
class Platform:
    """Everything that runs, as settings say."""

    home: Home
    settings: Settings

    @cached_property
    def external(self) -> external.External | None:
        """The cluster that takes the place of the embedded one, or None."""
        return external.chosen()

    @property
    def address(self) -> str:
        """Where steps reach S3 and MLflow: on loopback, or where another cluster's pods reach this machine."""
        return self.external.address if self.external else LOOPBACK

    def address_of(self, name: str) -> str:
        """The address that a port, named by its setting, is taken on: loopback, but for what pods call."""
        return self.address if name in FOR_PODS else LOOPBACK

    @property
    def storage_url(self) -> str:
        """The URL of the S3 API for steps and for everyone here.

        The server itself is several, and only S3 asks who one is. So all of it listens on loopback, and another
        cluster's pods reach S3 alone, through a door.
        """
        return f"http://{self.address}:{self.settings.s3_port}"

    @cached_property
    def storage(self) -> s3.Storage:
        """The object storage and who may use it, each no more than it needs."""
        key = self.settings
        # Behind a door it has a port of its own: it takes none that anybody listens on, on whichever address.
        port = key.s3_inner_ports + LAST_INNER if self.external else key.s3_port
        return s3.Storage(
            self.home.path / "s3",
            s3.Ports.consecutive(port, key.s3_inner_ports),
            s3.identities(key.s3_admin_key, key.s3_steps_key, key.s3_mlflow_key, key.s3_viewer_key),
        )

    def _identity(self, name: str) -> s3.Identity:
        return next(identity for identity in self.storage.identities if identity.name == name)

    @cached_property
    def tracking(self) -> tracking.Tracking:
        """The MLflow server."""
        home = self.home.path / "mlflow"
        mlflow = self._identity("mlflow")
        return tracking.Tracking(home, self.settings.mlflow_port, self.storage.endpoint, mlflow, self.address)

    @cached_property
    def cluster(self) -> cluster.Cluster | None:
        """The embedded cluster; None where another takes its place."""
        if self.external:
            return None
        hidden = ("settings.env", "supervisord.conf", "airflow", "mlflow", "s3", "logs")
        return cluster.Cluster(
            self.home.path / "cluster",
            self.settings.cluster_port,
            self.home.kubeconfig,
            tuple(self.home.path / name for name in hidden),
            code=cluster.code_folders(SOURCES),
        )

    @cached_property
    def airflow(self) -> orchestration.Orchestration:
        """Airflow."""
        key = self.settings
        return orchestration.Orchestration(
            home=self.home.airflow,
            port=key.airflow_port,
            passwords={"admin": key.admin_password, "analyst": key.analyst_password},
            jwt_key=key.airflow_jwt_key,
            api_key=key.airflow_api_key,
            fernet_key=key.airflow_fernet_key,
            kubeconfig=self.external.kubeconfig if self.external else self.home.kubeconfig,
            mlflow_url=self.tracking.url if self.external else f"http://localhost:{key.mlflow_port}",
            viewer={**self._storage_values(), **self._identity("viewer").environment()},
            image=self.external.image if self.external else orchestration.IMAGE,
            options={**team_models(), **options.read(self.home.options)},
        )

    def _storage_values(self) -> dict[str, str]:
        return {
            "NIGHTSHIFT_S3_ENDPOINT": self.storage_url,
            "NIGHTSHIFT_S3_REGION": "us-east-1",
            "NIGHTSHIFT_S3_BUCKET": "nightshift",
        }

    def step_values(self) -> dict[str, str]:
        """The environment of every step that is no secret. An image knows its own version of the code."""
        # A step compares the digests with the files that it runs: they may be edited before the next `make up`.
        version = {} if self.external else {**self._version(), **team_models()}
        return {
            **self._storage_values(),
            "MLFLOW_TRACKING_URI": self.tracking.url,
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **version,
        }

    def _version(self) -> dict[str, str]:
        return {VERSION: code_version(SOURCES), DIGESTS: write_digests(model_digests())}

    def step_environment(self, caused_by: str) -> dict[str, str]:
        """The whole environment of a step that runs outside of any pod. Secret."""
        return {
            **plain_environment(self.home.path),
            **self.step_values(),
            **self.step_secrets(),
            **self._version(),
            **team_models(),
            "NIGHTSHIFT_RUN_CAUSED_BY": caused_by,
            "OMP_NUM_THREADS": "1",
        }

    def step_secrets(self) -> dict[str, str]:
        """The environment of every step that is secret."""
        return self._identity("steps").environment()

    @cached_property
    def foundations(self) -> tuple[Service, ...]:
        """The services that need no other, in the order of their start."""
        cluster_or_door = cluster.service(self.cluster) if self.cluster else self._door()
        return (s3.service(self.storage), cluster_or_door, tracking.service(self.tracking))

    def _door(self) -> Service:
        port, target = self.settings.s3_port, self.storage.ports.s3
        return forward.service("s3-door", self.home.path / "s3", self.address, port, target)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """Every service, in the order of their start."""
        return (*self.foundations, *orchestration.services(self.airflow), self._alias_sync())

    def _alias_sync(self) -> Service:
        where = {**self._storage_values(), "MLFLOW_TRACKING_URI": self.tracking.url}
        environment = {**where, **self.step_secrets(), **team_models()}
        return alias_sync.service(self.home.path / "alias-sync", environment)

    def ports(self) -> list[tuple[int, str]]:
        """Every port that the services take, with the name of its setting."""
        named = ["airflow_port", "mlflow_port", "s3_port", *(["cluster_port"] if self.cluster else [])]
        inner = [port for port in self.storage.ports.all() if port != self.settings.s3_port]
        return [
            *((getattr(self.settings, name), name) for name in named),
            *((port, "s3_inner_ports") for port in inner),
        ]
