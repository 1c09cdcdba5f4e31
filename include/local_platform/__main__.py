"""`python -m local_platform COMMAND`: the platform of this machine; `make` has the same words."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from local_platform.errors import CannotStart, NotReady
from local_platform.files import is_full
from local_platform.one_machine.home import Home, locate
from local_platform.one_machine.preflight_checks import alone
from local_platform.one_machine.progress import Progress
from nightshift.errors import BadConfig
from nightshift.variables import require_known

DOES = {
    "up": "start every service that does not run",
    "down": "end every service; no process is left",
    "status": "say what runs, and where",
    "logs": "follow the services' logs (all, or one)",
    "shell": "open a shell in which nightshift and kubectl reach this machine's services, or run one command in it",
    "manifests": "write what the administrator of another cluster applies for this machine's platform",
    "kubeconfig": "make a kubeconfig of the restricted account for Airflow, from an administrator's",
    "demo": "start everything, land the data, run some nights through Airflow, and say how they ended",
}


ASKING = ("status", "logs")
"""Commands that write nothing."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m local_platform", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, does in DOES.items():
        command = commands.add_parser(name, help=does, description=does)
        if name == "logs":
            command.add_argument("service", nargs="?", help="one service (default: all)")
        if name == "shell":
            command.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="default: your shell")
        if name == "kubeconfig":
            command.add_argument("--admin", required=True, type=Path, metavar="FILE", help="the administrator's")
            command.add_argument("--hours", type=float, default=24.0, help="how long its token is good (default: 24)")
            command.add_argument("--output", type=Path, metavar="FILE", help="default: kubernetes/airflow.kubeconfig")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Returns 0 when it ended as it should, 1 when not, 2 when the machine lacks something."""
    arguments = parser().parse_args(argv)
    _forget_other_networks()
    progress = Progress()
    try:
        require_known(os.environ)
        home = locate(make=arguments.command not in ASKING)
        return _run(arguments, home, progress)
    except (CannotStart, BadConfig) as error:
        progress.say(f"[red]cannot go on:[/] {error}")
        return 2
    except NotReady as error:
        progress.say(f"[red]failed:[/] {error}")
        return 1
    except OSError as error:
        if not is_full(error):
            raise
        where = error.filename or f"a file of {locate(make=False).path}"
        progress.say(f"[red]cannot go on:[/] disk full: {where} cannot be written: free some space")
        return 2
    except KeyboardInterrupt:
        return 130


def _forget_other_networks() -> None:
    """Every address is this machine's: a proxy would be shown its passwords, and AWS's variables would mislead S3."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("AWS_")]:
        del os.environ[name]


def _run(arguments: argparse.Namespace, home: Home, progress: Progress) -> int:
    # Imported here and below: following a log needs no S3 client, and `--help` nothing at all.
    if arguments.command == "logs":
        from local_platform.one_machine.logs import follow

        follow(home, arguments.service)
        return 0
    if arguments.command in ("manifests", "kubeconfig"):
        return _prepare(arguments, home, progress)
    from local_platform.one_machine.status import NOTHING, status
    from local_platform.one_machine.up import assemble

    if arguments.command == "shell":
        from local_platform.one_machine.shell import run

        return run(assemble(home), arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words)
    if arguments.command == "status":
        if not home.settings.exists():
            progress.say(NOTHING)
            return 1
        return 0 if status(assemble(home), progress) else 1
    with alone(home):
        return _change(arguments.command, home, progress)


def _prepare(arguments: argparse.Namespace, home: Home, progress: Progress) -> int:
    """What another cluster needs once."""
    if arguments.command == "manifests":
        from local_platform.external_cluster.manifests import write
        from local_platform.one_machine.up import assemble

        progress.say(f"  as the cluster's administrator: kubectl apply -k {write(assemble(home))}")
        return 0
    from local_platform.external_cluster.airflow_kubeconfig import write_kubeconfig

    target = (arguments.output or home.manifests / "airflow.kubeconfig").resolve()
    ends = write_kubeconfig(arguments.admin, target, arguments.hours)
    progress.say(f"  good until {ends:%Y-%m-%d %H:%M} UTC: export KUBECONFIG={target}")
    return 0


def _change(command: str, home: Home, progress: Progress) -> int:
    """What only one command at a time may do."""
    if command == "down":
        from local_platform.one_machine.down import down

        down(home, progress)
        return 0
    if command == "up":
        from local_platform.one_machine.status import status
        from local_platform.one_machine.up import up

        status(up(home, progress), progress)
        return 0
    from local_platform.demo.run_demo import demo

    return demo(home, progress)


if __name__ == "__main__":
    sys.exit(main())
