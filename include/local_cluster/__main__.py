"""`python -m local_cluster`: serves a Kubernetes API whose pods are processes of this machine."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import logging
import re
import sys
from pathlib import Path

from local_cluster.isolation import LEVELS
from local_cluster.server import ServerSettings, serve

NAME = re.compile(r"\A[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")


def main(argv: list[str] | None = None) -> int:
    """Serves until SIGTERM. Returns 0 after a clean end, 2 when the server cannot start."""
    parser = _build_parser()
    options = parser.parse_args(argv)
    problem = _find_reach_problem(options)
    if problem:
        parser.error(problem)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = ServerSettings(
        host=options.host,
        port=options.port,
        state=options.state,
        kubeconfig=options.kubeconfig,
        path=options.path,
        keep=tuple(options.keep),
        hide=tuple(options.hide),
        pod_ttl=options.pod_ttl,
        unwatched_ttl=options.unwatched_ttl,
        mark=options.mark,
        code=tuple(options.code),
        orphan_seconds=options.orphan_seconds,
        isolation=options.isolation,
        network=options.network,
        names=tuple(options.name),
    )
    try:
        asyncio.run(serve(settings))
    except (OSError, RuntimeError) as error:
        sys.stderr.write(f"local_cluster: {error}\n")
        return 2
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_cluster", description=__doc__)
    parser.add_argument("--host", type=_parse_address, default="127.0.0.1", help="the address to listen on")
    parser.add_argument(
        "--network",
        action="store_true",
        help="let other machines and containers in, over TLS and with the token only; needs --name",
    )
    parser.add_argument(
        "--name",
        type=_parse_name,
        action="append",
        default=[],
        help="a name by which clients reach this server; the first one is written to the kubeconfig",
    )
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="directory of all objects, logs and volumes")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="file to write for kubectl and Airflow")
    parser.add_argument("--path", default="", help="directories to put first in the PATH of pods")
    parser.add_argument(
        "--keep", action="append", default=[], metavar="DIR", help="directory that pods see even below a volume"
    )
    parser.add_argument("--hide", action="append", default=[], metavar="PATH", help="path that pods see empty")
    parser.add_argument(
        "--orphan-seconds", type=float, default=120.0, metavar="SECONDS", help="how long pods live on without a server"
    )
    parser.add_argument(
        "--pod-ttl", type=float, default=86_400.0, metavar="SECONDS", help="finished pods are removed after this time"
    )
    parser.add_argument(
        "--unwatched-ttl",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="the same for pods that say that a task watches them, once none does",
    )
    parser.add_argument(
        "--mark",
        default="",
        metavar="VARIABLE",
        help="an environment variable of this server that the parents of containers get too, so that they are found",
    )
    parser.add_argument(
        "--code",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="code that pods with the annotation local-cluster/code-snapshot see as it was at their group's first pod",
    )
    parser.add_argument(
        "--isolation", choices=("auto", *LEVELS), default="auto", help="auto: the best that this machine allows"
    )
    return parser


def _parse_address(text: str) -> str:
    """Returns the text if it is an IP address or `localhost`."""
    try:
        return text if text == "localhost" else str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no address: expected one such as 127.0.0.1") from None


def _parse_name(text: str) -> str:
    """Returns the text if it is a host name for the certificate."""
    if not NAME.match(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no host name: expected lower-case letters, digits, '-' and '.'")
    return text


def _find_reach_problem(options: argparse.Namespace) -> str:
    """Returns what is wrong with the options about who can reach the server; "" when nothing is.

    The API runs any command for whoever has the token, so it leaves this machine only with `--network`.
    """
    loopback = options.host == "localhost" or ipaddress.ip_address(options.host).is_loopback
    if not loopback and not options.network:
        return (
            f"argument --host: '{options.host}' is not a loopback address: the API runs commands and must not leave "
            "this machine; --network allows it"
        )
    if options.network and not options.name:
        return "--network needs --name: clients check the certificate against the name by which they reach the server"
    return ""


if __name__ == "__main__":
    sys.exit(main())
