"""`python -m local_platform COMMAND`: the platform of this machine; `make` has the same commands."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from local_platform.errors import CannotStart, NotReady
from local_platform.files import is_full
from local_platform.one_machine.home import Home, locate_home
from local_platform.one_machine.preflight_checks import hold_lock
from local_platform.one_machine.progress import Progress
from nightshift.errors import BadConfig
from nightshift.variables import require_known

COMMANDS = {
    "up": "start every service that is not running",
    "down": "stop every service; no process is left",
    "status": "show what runs, and at which address",
    "logs": "follow the logs of all services, or of one",
    "shell": "open a shell, or run one command, in which nightshift, airflow and kubectl reach this machine's services",
    "manifests": "write the manifests that the administrator of another cluster applies for this machine's platform",
    "kubeconfig": "make a kubeconfig of the restricted account for Airflow, from an administrator's",
    "demo": "start everything, land the data, run four nights through Airflow, and show how they ended",
}

READ_ONLY = ("status", "logs")
"""Commands that write nothing."""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m local_platform", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, does in COMMANDS.items():
        command = commands.add_parser(name, help=does, description=does)
        if name == "logs":
            command.add_argument("service", nargs="?", help="one service (default: all)")
        if name == "shell":
            command.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND", help="default: your shell")
        if name == "kubeconfig":
            command.add_argument("--admin", required=True, type=Path, metavar="FILE", help="the administrator's")
            command.add_argument("--hours", type=float, default=24.0, help="how long its token is valid (default: 24)")
            command.add_argument("--output", type=Path, metavar="FILE", help="default: kubernetes/airflow.kubeconfig")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Returns 0 when it succeeded, 1 when it failed, 2 when the machine lacks something."""
    arguments = build_parser().parse_args(argv)
    _remove_foreign_variables()
    progress = Progress()
    try:
        require_known(os.environ)
        home = locate_home(make=arguments.command not in READ_ONLY)
        return _run(arguments, home, progress)
    except (CannotStart, BadConfig) as error:
        progress.print_line(f"[red]cannot go on:[/] {error}")
        return 2
    except NotReady as error:
        progress.print_line(f"[red]failed:[/] {error}")
        return 1
    except OSError as error:
        if not is_full(error):
            raise
        where = error.filename or f"a file of {locate_home(make=False).path}"
        progress.print_line(f"[red]cannot go on:[/] disk full: {where} cannot be written: free some space")
        return 2
    except KeyboardInterrupt:
        return 130


def _remove_foreign_variables() -> None:
    """Removes variables that would lead elsewhere: a proxy would see passwords, AWS's variables would redirect S3."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("AWS_")]:
        del os.environ[name]


def _run(arguments: argparse.Namespace, home: Home, progress: Progress) -> int:
    # Imported here and below: following a log needs no S3 client, and `--help` nothing at all.
    if arguments.command == "logs":
        from local_platform.one_machine.logs import follow_logs

        follow_logs(home, arguments.service)
        return 0
    if arguments.command in ("manifests", "kubeconfig"):
        return _prepare_external_cluster(arguments, home, progress)
    from local_platform.one_machine.status import NOTHING_RUNS, show_status
    from local_platform.one_machine.up import assemble_platform

    if arguments.command == "shell":
        from local_platform.one_machine.shell import run_shell

        command = arguments.arguments
        return run_shell(assemble_platform(home), command[1:] if command[:1] == ["--"] else command)
    if arguments.command == "status":
        if not home.settings.exists():
            progress.print_line(NOTHING_RUNS)
            return 1
        return 0 if show_status(assemble_platform(home), progress) else 1
    with hold_lock(home):
        return _change_what_runs(arguments.command, home, progress)


def _prepare_external_cluster(arguments: argparse.Namespace, home: Home, progress: Progress) -> int:
    """Writes what another cluster needs once: its manifests, or Airflow's kubeconfig."""
    if arguments.command == "manifests":
        from local_platform.one_machine.up import assemble_platform, write_manifests

        progress.print_line(
            f"  as the cluster's administrator: kubectl apply -k {write_manifests(assemble_platform(home))}"
        )
        return 0
    from local_platform.external_cluster.airflow_kubeconfig import write_kubeconfig

    target = (arguments.output or home.manifests / "airflow.kubeconfig").resolve()
    ends = write_kubeconfig(arguments.admin, target, arguments.hours)
    progress.print_line(f"  valid until {ends:%Y-%m-%d %H:%M} UTC: export KUBECONFIG={target}")
    return 0


def _change_what_runs(command: str, home: Home, progress: Progress) -> int:
    """Runs a command of which only one at a time may run."""
    if command == "down":
        from local_platform.one_machine.down import stop_platform

        stop_platform(home, progress)
        return 0
    if command == "up":
        from local_platform.one_machine.status import show_status
        from local_platform.one_machine.up import start_platform

        show_status(start_platform(home, progress), progress)
        return 0
    from local_platform.demo.run_demo import run_demo

    return run_demo(home, progress)


if __name__ == "__main__":
    sys.exit(main())
