"""The embedded cluster as a process that tests start, kill and start again."""

import os
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from kubernetes import client, config

from support.pod_client import PodClient, wait_until


@dataclass
class ClusterServer:
    """A server with its state below `home`. `options` are more words for its command line."""

    home: Path
    options: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def kubeconfig(self) -> Path:
        return self.home / "kubeconfig"

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    @property
    def command(self) -> list[str]:
        state = ["--state", str(self.state), "--kubeconfig", str(self.kubeconfig)]
        return [sys.executable, "-m", "local_cluster", "--port", "0", *state, *self.options]

    def start(self, **environment: str) -> "ClusterServer":
        """Starts the server and waits until it serves."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "log").open("wb") as log:
            surroundings = {**os.environ, **environment}
            self.process = process = subprocess.Popen(
                self.command, stdout=log, stderr=log, env=surroundings, cwd=self.home
            )
        wait_until("the embedded cluster to serve", lambda: "serving" in self.log or process.poll() is not None)
        assert process.poll() is None, self.log
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends the server; returns its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(20)

    def build_core_api(self) -> client.CoreV1Api:
        return client.CoreV1Api(config.new_client_from_config(str(self.kubeconfig)))

    def build_pod_client(self) -> PodClient:
        return PodClient(self.build_core_api(), "nightshift", "any-image:1")

    def read_address(self) -> str:
        """Its URL, in plain HTTP."""
        settings = client.Configuration()
        config.load_kube_config(str(self.kubeconfig), client_configuration=settings)
        return str(settings.host).replace("https://", "http://")

    def get(self, path: str, **headers: str) -> bytes:
        request = urllib.request.Request(self.read_address() + path, headers=headers)  # noqa: S310 - our own http:// address
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - as above
            return bytes(reply.read())


def find_marked_processes(mark: str) -> list[psutil.Process]:
    """The living processes whose command line contains a mark."""
    processes = []
    for process in psutil.process_iter(["cmdline", "status"]):
        arguments = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(mark in argument for argument in arguments):
            processes.append(process)
    return processes
