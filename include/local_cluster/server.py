"""The server as a whole: its parts, their start in order, their end."""

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
from local_cluster.api.application import build
from local_cluster.cluster import Cluster
from local_cluster.files import remove_unfinished
from local_cluster.listener import Listener
from local_cluster.pods.lock import take_lock
from local_cluster.pods.machine import node_object
from local_cluster.pods.node import Node
from local_cluster.pods.run import SOURCES
from local_cluster.pods.settings import NodeSettings
from local_cluster.probe import allowed_namespaces, remove_left_probes
from local_cluster.space import wait_for_space
from local_cluster.store import Store

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class ServerSettings:
    """The command line, typed. `pod_ttl` is in seconds; `path` comes before the environment's own programs; `network`
    lets clients of other machines in, over TLS only; `names` are how they reach the server.
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
    """Serve until SIGTERM or SIGINT, then end every pod. Raises RuntimeError, OSError when it cannot start."""
    os.umask(0o077)
    state = settings.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    lock = take_lock(state)
    await wait_for_space(state)
    remove_unfinished(state)
    remove_left_probes(state)
    namespaces, why_not = allowed_namespaces(settings.isolation, state)
    node_settings = NodeSettings(
        directory=state,
        path=pod_path(settings.path),
        keep=kept_directories(settings.keep),
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
    store.put("nodes", node_object())
    cluster.start()
    try:
        await node.start()
        await _serve_until_told(settings, cluster)
    finally:
        # Only who is told to end ends the pods: after a start that failed, the next server takes them over.
        node.leave()
        store.close()
        os.close(lock)


def _open_store(path: Path) -> Store:
    try:
        return Store(path)
    except sqlite3.Error as error:
        raise RuntimeError(f"cannot open the store {path}: {error}") from error


async def _serve_until_told(settings: ServerSettings, cluster: Cluster) -> None:
    state = settings.state.resolve()
    token = kubeconfig.token_in(state)
    context, authority = certificates.tls_in(state, settings.names)
    runner = web.AppRunner(build(cluster, token), access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    listener = Listener(runner, context, plain=not settings.network)
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    try:
        host, port = listener.open(settings.host, settings.port)
        host = settings.names[0] if settings.names else host
        address = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        kubeconfig.write(settings.kubeconfig, address, authority, token)
        sys.stdout.write(f"serving Kubernetes at {address}; KUBECONFIG={settings.kubeconfig}\n")
        sys.stdout.flush()
        await told.wait()
        await cluster.node.close()
    finally:
        listener.close()
        await runner.cleanup()


def pod_path(first: str) -> str:
    """The PATH of pods: what the caller puts first, this environment's programs, the system's."""
    return ":".join(part for part in (first, str(Path(sys.executable).parent), SYSTEM_PATH) if part)


def kept_directories(extra: tuple[str, ...]) -> list[str]:
    """What pods need to see even where a volume covers the place: this environment, its sources, and what the
    caller names.
    """
    found = [sys.prefix, sys.base_prefix, *site.getsitepackages(), *sys.path, *extra]
    found += [str(Path(SOURCES).parent), str(Path.cwd())]
    directories = {Path(path).absolute() for path in found if path and Path(path).is_dir()}
    return sorted(str(path) for path in directories | {path.resolve() for path in directories} if path != Path("/"))
