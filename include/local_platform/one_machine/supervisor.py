"""Controls supervisord, the process that starts and restarts all services, through its socket."""

import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from local_platform.errors import NotReady
from local_platform.files import write_private
from local_platform.marked_processes import MARK, is_process_of
from local_platform.one_machine.home import Home
from local_platform.services.service import CLEANUP_SECONDS, Service, build_plain_environment

RUNS = {"STARTING", "RUNNING", "BACKOFF"}
HEAD = """\
; Written at every start from the services in include/local_platform; changes here are lost.
[unix_http_server]
file={home}/supervisor.sock
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile={home}/logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={home}/supervisord.pid
directory={home}
umask=077
"""
PROGRAM = """
[program:{name}]
command={command}
directory={directory}
environment={environment}
autostart=false
autorestart=true
startsecs=1
startretries=20
stopwaitsecs={grace}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
"""


@dataclass(frozen=True)
class State:
    """What supervisord reports of one service. `since`: seconds since the epoch; `process`: 0 when none runs."""

    name: str
    state: str
    process: int
    since: float
    note: str

    @property
    def runs(self) -> bool:
        """Whether it runs, starts or is about to be started again."""
        return self.state in RUNS


def render_configuration(home: Home, services: Iterable[Service]) -> str:
    """Returns the configuration of supervisord."""
    return HEAD.format(home=_escape(str(home.path))) + "".join(_render_program(home, service) for service in services)


def _render_program(home: Home, service: Service) -> str:
    environment = {**service.build_environment(), MARK: str(home.path)}
    return PROGRAM.format(
        name=service.name,
        command=_escape(shlex.join(service.guarded_command)),
        directory=_escape(str(service.directory)),
        environment=",".join(f"{name}={_quote(value)}" for name, value in sorted(environment.items())),
        grace=int(service.grace) + CLEANUP_SECONDS,
        log=_escape(str(home.logs / f"{service.name}.log")),
    )


def _escape(text: str) -> str:
    return text.replace("%", "%%")


def _quote(value: str) -> str:
    if '"' in value:
        raise ValueError("supervisord's configuration has no way to write a quotation mark inside a value")
    return f'"{_escape(value)}"'


class Supervisor:
    """The supervisor of one home. Every method but `start` and `is_running` requires that it runs."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def _connect(self) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._home.path / 'supervisor.sock'}")
        return xmlrpc.client.ServerProxy("http://localhost", transport).supervisor

    def is_running(self) -> bool:
        """Whether it answers and belongs to this home: in a moved home lies the socket of the old one."""
        try:
            supervisor = self._connect()
            return bool(supervisor.getState()["statename"] == "RUNNING") and is_process_of(
                supervisor.getPID(), self._home.path
            )
        except (OSError, HTTPException, xmlrpc.client.Error):
            return False

    def start(self, services: Iterable[Service]) -> None:
        """Starts it with these services, none of which runs yet. Raises `NotReady` when it does not come up."""
        configuration = self._home.path / "supervisord.conf"
        write_private(configuration, render_configuration(self._home, services))
        (self._home.path / "supervisor.sock").unlink(missing_ok=True)
        command = (sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration))
        environment = {**build_plain_environment(self._home.path), MARK: str(self._home.path)}
        completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        deadline = time.monotonic() + 10
        while not self.is_running():
            if completed.returncode or time.monotonic() > deadline:
                raise NotReady(f"the supervisor did not start: {completed.stderr.strip() or self._home.logs}")
            time.sleep(0.05)

    def update(self, services: Iterable[Service]) -> list[str]:
        """Loads the definitions of the services; returns the names of those that changed, which are stopped now."""
        write_private(self._home.path / "supervisord.conf", render_configuration(self._home, services))
        added, changed, removed = self._connect().reloadConfig()[0]
        for name in (*changed, *removed):
            self._connect().stopProcessGroup(name, True)
            self._connect().removeProcessGroup(name)
        for name in (*added, *changed):
            self._connect().addProcessGroup(name)
        return [*added, *changed]

    def read_states(self) -> dict[str, State]:
        """Returns the state of every service, by name."""
        return {
            p["name"]: State(p["name"], p["statename"], p["pid"], float(p["start"]), p["description"])
            for p in self._connect().getAllProcessInfo()
        }

    def start_service(self, name: str) -> None:
        """Starts one service without waiting for it."""
        self._connect().startProcess(name, False)

    def stop_service(self, name: str) -> None:
        """Stops one service without waiting for it. A service that does not run is no error."""
        try:
            self._connect().stopProcess(name, False)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise

    def shut_down(self) -> None:
        """Ends the supervisor, and with it every service that still runs."""
        self._connect().shutdown()
