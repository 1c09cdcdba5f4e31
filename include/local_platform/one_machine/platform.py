"""The parts of one machine's platform, put together from the home and its settings."""

from dataclasses import dataclass
from functools import cached_property

from local_platform.checkout import SOURCES
from local_platform.code_version import compute_model_digests, read_code_version
from local_platform.external_cluster import choice
from local_platform.one_machine import airflow_options
from local_platform.one_machine.home import Home
from local_platform.one_machine.settings import Settings
from local_platform.services import (
    airflow_services,
    alias_sync,
    embedded_cluster,
    mlflow_service,
    s3_service,
    tcp_proxy,
)
from local_platform.services.service import Service, build_plain_environment
from nightshift import catalog
from nightshift.code_digest import write_digests

LOOPBACK = "127.0.0.1"
FOR_PODS = ("mlflow_port", "s3_port")
LAST_INNER = 8
"""How far the last of the S3 server's inner ports is from the first."""
VERSION = "NIGHTSHIFT_RUN_CODE_VERSION"
DIGESTS = "NIGHTSHIFT_RUN_CODE_DIGESTS"


def build_team_variables() -> dict[str, str]:
    """Returns the variable that names folders of models outside of this checkout; empty when there are none."""
    folders = [str(folder.resolve()) for folder in catalog.list_folders() if folder != catalog.OWN_FOLDER]
    return {"NIGHTSHIFT_MODELS": ":".join(folders)} if folders else {}


@dataclass(frozen=True)
class Platform:
    """Every service of one machine, as its settings describe them."""

    home: Home
    settings: Settings

    @cached_property
    def external(self) -> choice.ExternalCluster | None:
        """The cluster that replaces the embedded one, or None."""
        return choice.read_choice()

    @property
    def address(self) -> str:
        """The address of S3 and MLflow for steps: loopback, or the one at which pods of another cluster reach them."""
        return self.external.address if self.external else LOOPBACK

    def find_address_of(self, name: str) -> str:
        """Returns the address on which the port of a setting listens: loopback, except for what pods call."""
        return self.address if name in FOR_PODS else LOOPBACK

    @property
    def storage_url(self) -> str:
        """The URL of the S3 API.

        The server consists of several, of which only S3 authenticates its clients. So all of them listen on loopback,
        and another cluster's pods reach S3 alone, through a TCP proxy.
        """
        return f"http://{self.address}:{self.settings.s3_port}"

    @cached_property
    def storage(self) -> s3_service.S3Server:
        """The object storage and its users, each with no more rights than it needs."""
        key = self.settings
        # Behind the proxy it needs a port of its own: it refuses one that is taken on any address.
        port = key.s3_inner_ports + LAST_INNER if self.external else key.s3_port
        return s3_service.S3Server(
            self.home.path / "s3",
            s3_service.Ports.assign_consecutive(port, key.s3_inner_ports),
            s3_service.define_identities(key.s3_admin_key, key.s3_steps_key, key.s3_mlflow_key, key.s3_viewer_key),
        )

    def _find_identity(self, name: str) -> s3_service.Identity:
        return next(identity for identity in self.storage.identities if identity.name == name)

    @cached_property
    def tracking(self) -> mlflow_service.MlflowServer:
        """The MLflow server."""
        home = self.home.path / "mlflow"
        mlflow = self._find_identity("mlflow")
        return mlflow_service.MlflowServer(home, self.settings.mlflow_port, self.storage.endpoint, mlflow, self.address)

    @cached_property
    def cluster(self) -> embedded_cluster.Cluster | None:
        """The embedded cluster; None where another replaces it."""
        if self.external:
            return None
        hidden = ("settings.env", "supervisord.conf", "airflow", "mlflow", "s3", "logs")
        return embedded_cluster.Cluster(
            self.home.path / "cluster",
            self.settings.cluster_port,
            self.home.kubeconfig,
            tuple(self.home.path / name for name in hidden),
            code=embedded_cluster.list_code_folders(SOURCES),
        )

    @cached_property
    def airflow(self) -> airflow_services.AirflowInstance:
        """Airflow."""
        key = self.settings
        return airflow_services.AirflowInstance(
            home=self.home.airflow,
            port=key.airflow_port,
            passwords={"admin": key.admin_password, "analyst": key.analyst_password},
            jwt_key=key.airflow_jwt_key,
            api_key=key.airflow_api_key,
            fernet_key=key.airflow_fernet_key,
            kubeconfig=self.external.kubeconfig if self.external else self.home.kubeconfig,
            mlflow_url=self.tracking.url if self.external else f"http://localhost:{key.mlflow_port}",
            viewer={**self._build_storage_values(), **self._find_identity("viewer").build_environment()},
            image=self.external.image if self.external else airflow_services.IMAGE,
            options={**build_team_variables(), **airflow_options.read_options(self.home.options)},
        )

    def _build_storage_values(self) -> dict[str, str]:
        return {
            "NIGHTSHIFT_S3_ENDPOINT": self.storage_url,
            "NIGHTSHIFT_S3_REGION": "us-east-1",
            "NIGHTSHIFT_S3_BUCKET": "nightshift",
        }

    def build_step_values(self) -> dict[str, str]:
        """Returns the variables of every step that are not secret."""
        # An image knows its own version of the code. Here a step compares the digests with the files that it runs:
        # they may be edited before the next `make up`.
        version = {} if self.external else {**self._build_version_values(), **build_team_variables()}
        return {
            **self._build_storage_values(),
            "MLFLOW_TRACKING_URI": self.tracking.url,
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **version,
        }

    def _build_version_values(self) -> dict[str, str]:
        return {VERSION: read_code_version(SOURCES), DIGESTS: write_digests(compute_model_digests())}

    def build_step_environment(self, caused_by: str) -> dict[str, str]:
        """Returns the whole environment of a step that runs outside of any pod. Secret."""
        return {
            **build_plain_environment(self.home.path),
            **self.build_step_values(),
            **self.build_step_secrets(),
            **self._build_version_values(),
            **build_team_variables(),
            "NIGHTSHIFT_RUN_CAUSED_BY": caused_by,
            "OMP_NUM_THREADS": "1",
        }

    def build_step_secrets(self) -> dict[str, str]:
        """Returns the variables of every step that are secret."""
        return self._find_identity("steps").build_environment()

    @cached_property
    def foundations(self) -> tuple[Service, ...]:
        """The services that need no other one, in the order of their start."""
        cluster_or_proxy = embedded_cluster.define_service(self.cluster) if self.cluster else self._define_s3_proxy()
        return (s3_service.define_service(self.storage), cluster_or_proxy, mlflow_service.define_service(self.tracking))

    def _define_s3_proxy(self) -> Service:
        port, target = self.settings.s3_port, self.storage.ports.s3
        return tcp_proxy.define_service("s3-proxy", self.home.path / "s3", self.address, port, target)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """Every service, in the order of their start."""
        return (*self.foundations, *airflow_services.define_services(self.airflow), self._define_alias_sync())

    def _define_alias_sync(self) -> Service:
        addresses = {**self._build_storage_values(), "MLFLOW_TRACKING_URI": self.tracking.url}
        environment = {**addresses, **self.build_step_secrets(), **build_team_variables()}
        return alias_sync.define_service(self.home.path / "alias-sync", environment)

    def list_ports(self) -> list[tuple[int, str]]:
        """Returns every port that the services take, each with the name of its setting."""
        named = ["airflow_port", "mlflow_port", "s3_port", *(["cluster_port"] if self.cluster else [])]
        inner = [port for port in self.storage.ports.list_all() if port != self.settings.s3_port]
        return [
            *((getattr(self.settings, name), name) for name in named),
            *((port, "s3_inner_ports") for port in inner),
        ]
