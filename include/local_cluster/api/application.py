"""The web application: authentication, routes, and errors as Status objects."""

from __future__ import annotations

import hmac
import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from local_cluster.api import discovery, logs, objects
from local_cluster.api.replies import reply
from local_cluster.api.request import CLUSTER
from local_cluster.cluster import Cluster
from local_cluster.errors import ApiError, DiskFull, MethodNotAllowed, NoSuchPath, Unauthorized
from local_cluster.files import is_full

OPEN = ("/healthz", "/livez", "/readyz", "/version")
LARGEST_BODY = 4 * 1024 * 1024  # bytes

logger = logging.getLogger(__name__)


def build_application(cluster: Cluster, token: str) -> web.Application:
    """Returns the application that serves a cluster to clients that have the token."""
    application = web.Application(middlewares=[_answer_errors, _require_token(token)], client_max_size=LARGEST_BODY)
    application[CLUSTER] = cluster
    router = application.router
    for path, handler in (
        ("/version", discovery.get_version),
        *((path, discovery.report_health) for path in OPEN[:-1]),
        ("/api", discovery.list_versions),
        ("/apis", discovery.list_groups),
        ("/api/v1", discovery.list_resources),
        ("/openapi/v2", discovery.get_openapi_v2),
        ("/openapi/v3", discovery.list_openapi_v3_paths),
        ("/openapi/v3/api/v1", discovery.get_openapi_v3_core),
        ("/api/v1/namespaces/{namespace}/{plural:pods}/{name}/log", logs.read_log),
        ("/api/v1/namespaces/{namespace}/{plural:pods}/{name}/{part:status}", objects.read),
    ):
        router.add_get(path, handler)
    for prefix in ("/api/v1/", "/api/v1/namespaces/{namespace}/"):
        _add_verbs(router, prefix)
    return application


def _add_verbs(router: web.UrlDispatcher, prefix: str) -> None:
    plural = "{plural:[a-z]+}"
    router.add_get(prefix + plural, objects.list_or_watch)
    router.add_post(prefix + plural, objects.create)
    router.add_delete(prefix + plural, objects.delete_collection)
    item_path = prefix + plural + "/{name}"
    router.add_get(item_path, objects.read)
    for path in (item_path, prefix + plural + "/{name}/{part:status}"):
        router.add_put(path, objects.replace)
        router.add_patch(path, objects.patch)
    router.add_delete(item_path, objects.delete)


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every refusal into a Status object."""
    try:
        return await handler(request)
    except ApiError as error:
        return reply(error.build_status(), status=error.code)
    except web.HTTPNotFound:
        return reply(NoSuchPath().build_status(), status=404)
    except web.HTTPMethodNotAllowed:
        return reply(MethodNotAllowed().build_status(), status=405)
    except web.HTTPRequestEntityTooLarge:
        return _refuse(413, "RequestEntityTooLarge", f"the body of the request is larger than {LARGEST_BODY} bytes")
    except Exception as failure:
        if is_full(failure):
            return reply(DiskFull().build_status(), status=507)
        logger.exception("%s %s", request.method, request.path)
        return _refuse(500, "InternalError", f"an error on the server: {type(failure).__name__}: {failure}")


def _refuse(code: int, reason: str, message: str) -> web.Response:
    return reply(ApiError(code, reason, message).build_status(), status=code)


def _require_token(token: str) -> web.middleware:  # type: ignore[valid-type]
    """Refuses requests without the token: any local user or web page could otherwise run processes."""
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if request.path not in OPEN and not hmac.compare_digest(authorization, expected):
            raise Unauthorized
        return await handler(request)

    return check
