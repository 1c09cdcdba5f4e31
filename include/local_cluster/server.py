"""Starts the parts of the server in order, and ends them."""

from __future__ import annotations

import asyncio
import os
import signal
import site
import sqlite3
import sys
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from local_cluster import certificates, kubeconfig
from local_cluster.api.application import build_application
from local_cluster.cluster import Cluster
from local_cluster.disk_space import wait_for_space
from local_cluster.files import remove_unfinished
from local_cluster.isolation import find_allowed_namespaces, remove_left_probes
from local_cluster.listener import Listener
from local_cluster.pods.machine import build_node_object
from local_cluster.pods.node import Node
from local_cluster.pods.run import SOURCES
from local_cluster.pods.settings import NodeSettings
from local_cluster.pods.state_lock import take_lock
from local_cluster.store import Store

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class ServerSettings:
    """The settings from the command line.

    `pod_ttl`: in seconds. `path`: directories before the environment's own programs. `network`: clients of other
    machines are allowed, over TLS only. `names`: the host names by which they reach the server.
    """

    host: str
    port: int
    state: Path
    kubeconfig: Path
    path: str = ""
    keep: tuple[str, ...] = field(default=())
    hide: tuple[str, ...] = field(default=())
    pod_ttl: float = 86_400.0
    unwatched_ttl: float = 600.0
    orphan_seconds: float = 120.0
    mark: str = ""
    code: tuple[Path, ...] = field(default=())
    isolation: str = "auto"
    network: bool = False
    names: tuple[str, ...] = field(default=())


async def serve(settings: ServerSettings) -> None:
    """Serves until SIGTERM or SIGINT, then ends every pod. Raises RuntimeError, OSError when it cannot start."""
    os.umask(0o077)
    state = settings.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    lock = take_lock(state)
    await wait_for_space(state)
    remove_unfinished(state)
    remove_left_probes(state)
    namespaces, why_not = find_allowed_namespaces(settings.isolation, state)
    node_settings = NodeSettings(
        directory=state,
        path=build_pod_path(settings.path),
        keep=list_kept_directories(settings.keep),
        hide=[str(state), str(settings.kubeconfig.resolve()), *settings.hide],
        namespaces=namespaces,
        why_not=why_not,
        pod_ttl=settings.pod_ttl,
        unwatched_ttl=settings.unwatched_ttl,
        orphan_seconds=settings.orphan_seconds,
        mark={settings.mark: os.environ[settings.mark]} if settings.mark in os.environ else {},
        code=settings.code,
    )
    store = _open_store(state / "objects.sqlite")
    node = Node(store, node_settings)
    cluster = Cluster(store, node)
    store.put("nodes", build_node_object())
    cluster.start()
    try:
        await node.start()
        await _serve_until_signal(settings, cluster)
    finally:
        # Only a requested end ends the pods. After a failed start, the next server adopts them.
        node.leave()
        store.close()
        os.close(lock)


def _open_store(path: Path) -> Store:
    try:
        return Store(path)
    except sqlite3.Error as error:
        raise RuntimeError(f"cannot open the store {path}: {error}") from error


async def _serve_until_signal(settings: ServerSettings, cluster: Cluster) -> None:
    state = settings.state.resolve()
    token = kubeconfig.read_or_make_token(state)
    context, authority = certificates.load_or_make_tls(state, settings.names)
    runner = web.AppRunner(
        build_application(cluster, token), access_log=None, handler_cancellation=True, shutdown_timeout=0.5
    )
    await runner.setup()
    listener = Listener(runner, context, plain=not settings.network)
    stop_requested = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop_requested.set)
    try:
        host, port = listener.open(settings.host, settings.port)
        host = settings.names[0] if settings.names else host
        address = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        kubeconfig.write_kubeconfig(settings.kubeconfig, address, authority, token)
        sys.stdout.write(f"serving Kubernetes at {address}; KUBECONFIG={settings.kubeconfig}\n")
        sys.stdout.flush()
        await stop_requested.wait()
        await cluster.node.close()
    finally:
        listener.close()
        await runner.cleanup()


def build_pod_path(first: str) -> str:
    """Returns the PATH of pods: the caller's directories, this environment's programs, the system's."""
    return ":".join(part for part in (first, str(Path(sys.executable).parent), SYSTEM_PATH) if part)


def list_kept_directories(extra: tuple[str, ...]) -> list[str]:
    """Returns the directories that pods see even below a volume.

    They are this environment, its sources, and those that the caller names.
    """
    paths = [sys.prefix, sys.base_prefix, *site.getsitepackages(), *sys.path, *extra]
    paths += [str(Path(SOURCES).parent), str(Path.cwd())]
    directories = {Path(path).absolute() for path in paths if path and Path(path).is_dir()}
    return sorted(str(path) for path in directories | {path.resolve() for path in directories} if path != Path("/"))
