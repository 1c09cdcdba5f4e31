"""What the server says about itself."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from local_cluster.api.openapi import v2_document, v3_document
from local_cluster.api.replies import reply
from local_cluster.resources import RESOURCES, Resource

Object = dict[str, Any]
VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.0",
    "gitTreeState": "clean",
    "goVersion": "none",
    "compiler": "none",
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def version(_: web.Request) -> web.Response:
    """The version of Kubernetes whose API this is a part of."""
    return reply({**VERSION, "gitCommit": "", "buildDate": "1970-01-01T00:00:00Z", "platform": "linux/amd64"})


async def healthy(_: web.Request) -> web.Response:
    """The server serves."""
    return web.Response(text="ok")


async def core(request: web.Request) -> web.Response:
    """The versions of the core group, or all of it at once."""
    if _wants_aggregated(request):
        return _aggregated([{"metadata": {"creationTimestamp": None}, "versions": [_aggregated_version()]}])
    return reply({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})


async def groups(request: web.Request) -> web.Response:
    """Other API groups: none."""
    if _wants_aggregated(request):
        return _aggregated([])
    return reply({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})


async def resources(_: web.Request) -> web.Response:
    """The resources of core/v1."""
    found = [_describe(resource) for resource in RESOURCES.values()]
    found.append({"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]})
    found.append(
        {
            "name": "pods/status",
            "singularName": "",
            "namespaced": True,
            "kind": "Pod",
            "verbs": ["get", "patch", "update"],
        }
    )
    return reply({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": found})


async def openapi_v2(request: web.Request) -> web.Response:
    """The schema, in the old form. What asks for protobuf gets an empty document, and checks nothing itself."""
    if "protobuf" in request.headers.get("Accept", ""):
        return web.Response(body=b"", content_type="application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
    return reply(v2_document())


async def openapi_v3(_: web.Request) -> web.Response:
    """Where the schema is."""
    return reply({"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=1"}}})


async def openapi_v3_core(_: web.Request) -> web.Response:
    """The schema of core/v1."""
    return reply(v3_document())


def _describe(resource: Resource) -> Object:
    result: Object = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
    }
    result |= {"verbs": resource.verbs, "shortNames": list(resource.short_names)}
    return result | ({"categories": ["all"]} if resource.all_category else {})


def _wants_aggregated(request: web.Request) -> bool:
    return (
        "as=APIGroupDiscoveryList" in request.headers.get("Accept", "")
        and "v=v2;" in request.headers.get("Accept", "") + ";"
    )


def _aggregated(items: list[Object]) -> web.Response:
    body = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}
    response = reply(body)
    response.headers["Content-Type"] = AGGREGATED
    return response


def _aggregated_version() -> Object:
    return {
        "version": "v1",
        "freshness": "Current",
        "resources": [_aggregated_resource(resource) for resource in RESOURCES.values()],
    }


def _aggregated_resource(resource: Resource) -> Object:
    kind = {"group": "", "version": "v1", "kind": resource.kind}
    result: Object = {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
    }
    result |= {
        "singularResource": resource.kind.lower(),
        "verbs": resource.verbs,
        "shortNames": list(resource.short_names),
    }
    if resource.plural == "pods":
        parts = {"log": ["get"], "status": ["get", "patch", "update"]}
        result["subresources"] = [
            {"subresource": name, "responseKind": kind, "verbs": verbs} for name, verbs in parts.items()
        ]
    return result | ({"categories": ["all"]} if resource.all_category else {})
