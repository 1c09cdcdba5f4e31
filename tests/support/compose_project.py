"""One `docker compose` project of a test's own: its arguments, its containers, what they are and what they say."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
ONE_SHOT = ("keys", "databases", "init")
SERVERS = (
    "postgres",
    "s3",
    "mlflow",
    "cluster",
    "api-server",
    "scheduler",
    "dag-processor",
    "triggerer",
    "alias-sync",
)
T = TypeVar("T")


def wait_until(description: str, look: Callable[[], T | None], timeout: float = 180.0) -> T:
    """What `look` finds; fails when it finds nothing for `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (actual := look()):
        assert time.monotonic() < end, f"waited {timeout:.0f} s for: {description}"
        time.sleep(0.5)
    return actual


@dataclass(frozen=True)
class Project:
    """A project and the variables of its file. `files` are the file and its overrides."""

    name: str
    variables: dict[str, str]
    files: tuple[str, ...] = ("docker-compose.yaml",)

    def compose(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """`docker compose WORDS`, whatever comes of it."""
        command, environment = self._build_command(arguments), {**os.environ, **self.variables}
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=timeout)

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """`docker compose WORDS`, without waiting for its end."""
        quiet = subprocess.DEVNULL
        environment = {**os.environ, **self.variables}
        return subprocess.Popen(self._build_command(arguments), env=environment, cwd=ROOT, stdout=quiet, stderr=quiet)

    def _build_command(self, arguments: tuple[str, ...]) -> list[str]:
        files = [word for file in self.files for word in ("-f", str(ROOT / file))]
        return ["docker", "compose", "--progress", "plain", "-p", self.name, *files, *arguments]

    def read_output(self, *arguments: str, timeout: float = 300) -> str:
        """What a word prints; it must succeed."""
        completed = self.compose(*arguments, timeout=timeout)
        assert completed.returncode == 0, (
            f"docker compose {' '.join(arguments)}: {completed.stderr[-4000:]}{completed.stdout[-2000:]}"
        )
        return completed.stdout

    def start_all(self) -> None:
        """Starts what does not run, and waits until all of it is healthy."""
        completed = self.compose("up", "--detach", "--wait", "--pull", "never", "--no-build", timeout=600)
        assert completed.returncode == 0, f"{completed.stderr[-3000:]}\n{self.read_logs()[-6000:]}"

    def read_logs(self) -> str:
        """The logs of every container."""
        return self.compose("logs", "--no-color").stdout

    def read_configuration(self) -> dict[str, Any]:
        """The file with its variables filled in."""
        document: dict[str, Any] = json.loads(self.read_output("config", "--format", "json"))
        return document

    def inspect_containers(self) -> dict[str, dict[str, Any]]:
        """Every container of the project, as `docker inspect` shows it, by service."""
        ids = run_docker("ps", "--all", "--quiet", "--filter", self._label).split()
        document = json.loads(run_docker("inspect", *ids)) if ids else []
        return {item["Config"]["Labels"]["com.docker.compose.service"]: item for item in document}

    def list_networks(self) -> list[str]:
        """The names of the project's networks."""
        return run_docker("network", "ls", "--format", "{{.Name}}", "--filter", self._label).split()

    def inspect(self, service: str) -> dict[str, Any]:
        """The container of one service."""
        return self.inspect_containers()[service]

    def execute(self, service: str, *arguments: str) -> str:
        """What a command in a running container prints."""
        return self.read_output("exec", "-T", service, *arguments, timeout=300)

    def is_healthy(self, service: str) -> bool:
        """Whether a container runs and answers."""
        state = self.inspect(service)["State"]
        return bool(state["Status"] == "running" and state["Health"]["Status"] == "healthy")

    def restart(self, service: str) -> Callable[[], None]:
        """Begins to end and start a service as a deployment does. Returns what waits until it is back and healthy."""
        before = self.inspect(service)["State"]["StartedAt"]
        process = self.start("restart", service)

        def back() -> None:
            assert process.wait(120) == 0, f"docker compose restart {service} failed"
            assert self.inspect(service)["State"]["StartedAt"] > before
            wait_until(f"{service} to be healthy again", lambda: self.is_healthy(service))

        return back

    def crash(self, service: str) -> Callable[[], None]:
        """Kills every process of a service with SIGKILL. Returns what waits until Docker has brought it back."""
        before = self.inspect(service)["RestartCount"]
        self.compose("exec", "-T", service, "sh", "-c", "kill -9 -1", timeout=60)

        def back() -> None:
            wait_until(f"{service} to be started again", lambda: self.inspect(service)["RestartCount"] > before)
            wait_until(f"{service} to be healthy again", lambda: self.is_healthy(service))

        return back

    def remove(self) -> list[str]:
        """Ends everything, with its data; returns what is left of it."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "10")
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [line for kind in kinds for line in run_docker(*kind, "--quiet", "--filter", self._label).split()]

    @property
    def _label(self) -> str:
        return f"label=com.docker.compose.project={self.name}"


def run_docker(*arguments: str) -> str:
    """What `docker WORDS` prints; it must succeed."""
    completed = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=600)
    assert completed.returncode == 0, f"docker {' '.join(arguments[:3])}: {completed.stderr[-3000:]}"
    return completed.stdout


def has_image(name: str) -> bool:
    """Whether this machine's engine has an image."""
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0
