"""The paths by which clients discover the API: versions, resources, schema, health."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from local_cluster.api.openapi import build_v2_document, build_v3_document
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


async def get_version(_: web.Request) -> web.Response:
    """Replies with the version of Kubernetes of whose API this is a part."""
    return reply({**VERSION, "gitCommit": "", "buildDate": "1970-01-01T00:00:00Z", "platform": "linux/amd64"})


async def report_health(_: web.Request) -> web.Response:
    """Replies that the server serves."""
    return web.Response(text="ok")


async def list_versions(request: web.Request) -> web.Response:
    """Replies with the versions of the core group, or with the aggregated discovery document."""
    if _is_aggregated_wanted(request):
        return _reply_aggregated(
            [{"metadata": {"creationTimestamp": None}, "versions": [_describe_aggregated_version()]}]
        )
    return reply({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})


async def list_groups(request: web.Request) -> web.Response:
    """Replies that there are no other API groups."""
    if _is_aggregated_wanted(request):
        return _reply_aggregated([])
    return reply({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})


async def list_resources(_: web.Request) -> web.Response:
    """Replies with the resources of core/v1."""
    descriptions = [_describe(resource) for resource in RESOURCES.values()]
    descriptions.append({"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]})
    descriptions.append(
        {
            "name": "pods/status",
            "singularName": "",
            "namespaced": True,
            "kind": "Pod",
            "verbs": ["get", "patch", "update"],
        }
    )
    return reply({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": descriptions})


async def get_openapi_v2(request: web.Request) -> web.Response:
    """Replies with the schema as OpenAPI 2. A client that asks for protobuf gets an empty document."""
    if "protobuf" in request.headers.get("Accept", ""):
        return web.Response(body=b"", content_type="application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
    return reply(build_v2_document())


async def list_openapi_v3_paths(_: web.Request) -> web.Response:
    """Replies with the path of the schema."""
    return reply({"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=1"}}})


async def get_openapi_v3_core(_: web.Request) -> web.Response:
    """Replies with the schema of core/v1 as OpenAPI 3."""
    return reply(build_v3_document())


def _describe(resource: Resource) -> Object:
    result: Object = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
    }
    result |= {"verbs": resource.verbs, "shortNames": list(resource.short_names)}
    return result | ({"categories": ["all"]} if resource.all_category else {})


def _is_aggregated_wanted(request: web.Request) -> bool:
    return (
        "as=APIGroupDiscoveryList" in request.headers.get("Accept", "")
        and "v=v2;" in request.headers.get("Accept", "") + ";"
    )


def _reply_aggregated(items: list[Object]) -> web.Response:
    body = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}
    response = reply(body)
    response.headers["Content-Type"] = AGGREGATED
    return response


def _describe_aggregated_version() -> Object:
    return {
        "version": "v1",
        "freshness": "Current",
        "resources": [_describe_aggregated_resource(resource) for resource in RESOURCES.values()],
    }


def _describe_aggregated_resource(resource: Resource) -> Object:
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
