"""The Kubernetes API behind a few verbs, the same for every kind of object.

`kubernetes.aio` does the work. Its errors become Sluice's, split by whose move it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException

from sluice.api.names import FIELD_MANAGER, GROUP, STATUS_FIELD_MANAGER, VERSION
from sluice.errors import ClusterRefused, ForeignChange, SourceUnavailable

Json = dict[str, Any]

_TIMEOUT_SECONDS = 10.0
_APPLY = "application/apply-patch+yaml"
_NOT_FOUND = 404
_CONFLICT = 409
_ERRORS = 400
_RETRYABLE = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Kind:
    """Group, version and plural of a kind of object."""

    group: str
    version: str
    plural: str

    def at(self, namespace: str) -> tuple[str, str, str, str]:
        """Return what the client calls take first: group, version, namespace, plural."""
        return self.group, self.version, namespace, self.plural


DEPLOYMENTS = Kind(GROUP, VERSION, "modeldeployments")
REVISIONS = Kind(GROUP, VERSION, "modelrevisions")
SERVICES = Kind("serving.kserve.io", "v1beta1", "inferenceservices")
ROUTES = Kind("gateway.networking.k8s.io", "v1", "httproutes")
EVENTS = Kind("events.k8s.io", "v1", "events")
LEASES = Kind("coordination.k8s.io", "v1", "leases")


class Cluster:
    """One API server, as one identity."""

    def __init__(self, api: client.ApiClient) -> None:
        # Its signatures return `object`.
        self._custom: Any = client.CustomObjectsApi(api)
        self._core: Any = client.CoreV1Api(api)

    async def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """Return the object, None if there is none."""
        async with _translated(f"read {kind.plural} {namespace}/{name}"):
            try:
                found = await self._custom.get_namespaced_custom_object(
                    *kind.at(namespace),
                    name,
                    _request_timeout=_TIMEOUT_SECONDS,
                )
            except ApiException as error:
                if error.status == _NOT_FOUND:
                    return None
                raise
        return dict(found)

    async def pods(self, namespace: str, selector: str) -> list[Json]:
        """Return the pods that match `selector`, as the API server wrote them."""
        async with _translated(f"list pods of {namespace}"):
            # Raw: the client's own models refuse what a newer API server may send.
            response = await self._core.list_namespaced_pod_without_preload_content(
                namespace, label_selector=selector, _request_timeout=_TIMEOUT_SECONDS
            )
            body = await response.read()
            if response.status >= _ERRORS:
                text = body.decode(errors="replace")
                raise ApiException(status=response.status, reason=response.reason, body=text)
            return list(json.loads(body)["items"])

    async def apply(self, kind: Kind, manifest: Json) -> None:
        """Write the object by server-side apply, taking over what others changed in it."""
        metadata = manifest["metadata"]
        async with _translated(f"write {kind.plural} {metadata['namespace']}/{metadata['name']}"):
            await self._custom.patch_namespaced_custom_object(
                *kind.at(metadata["namespace"]),
                metadata["name"],
                manifest,
                field_manager=FIELD_MANAGER,
                force=True,
                _content_type=_APPLY,
                _request_timeout=_TIMEOUT_SECONDS,
            )

    async def apply_status(self, kind: Kind, manifest: Json) -> None:
        """Write the status by server-side apply.

        With `metadata.resourceVersion` in it the write fails if the object changed since.

        Raises: ForeignChange then.
        """
        metadata = manifest["metadata"]
        where = f"{kind.plural} {metadata['namespace']}/{metadata['name']}"
        async with _translated(f"write the status of {where}"):
            await self._custom.patch_namespaced_custom_object_status(
                *kind.at(metadata["namespace"]),
                metadata["name"],
                manifest,
                field_manager=STATUS_FIELD_MANAGER,
                force=True,
                _content_type=_APPLY,
                _request_timeout=_TIMEOUT_SECONDS,
            )

    async def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete the object; one that is gone already is as good."""
        async with _translated(f"delete {kind.plural} {namespace}/{name}"):
            try:
                await self._custom.delete_namespaced_custom_object(
                    *kind.at(namespace),
                    name,
                    _request_timeout=_TIMEOUT_SECONDS,
                )
            except ApiException as error:
                if error.status != _NOT_FOUND:
                    raise

    async def create(self, kind: Kind, manifest: Json) -> None:
        """Create the object.

        Raises: ForeignChange if there is one of that name.
        """
        metadata = manifest["metadata"]
        async with _translated(f"create {kind.plural} {metadata['namespace']}/{metadata['name']}"):
            await self._custom.create_namespaced_custom_object(
                *kind.at(metadata["namespace"]),
                manifest,
                _request_timeout=_TIMEOUT_SECONDS,
            )

    async def replace(self, kind: Kind, manifest: Json) -> None:
        """Write the object back as it was read.

        Raises: ForeignChange if it changed since.
        """
        metadata = manifest["metadata"]
        async with _translated(f"replace {kind.plural} {metadata['namespace']}/{metadata['name']}"):
            await self._custom.replace_namespaced_custom_object(
                *kind.at(metadata["namespace"]),
                metadata["name"],
                manifest,
                _request_timeout=_TIMEOUT_SECONDS,
            )

    async def list(
        self, kind: Kind, namespace: str | None = None, selector: str = ""
    ) -> list[Json]:
        """Return the objects of `kind`, of one namespace or of all."""
        async with _translated(f"list {kind.plural}"):
            if namespace is None:
                page = await self._custom.list_cluster_custom_object(
                    kind.group,
                    kind.version,
                    kind.plural,
                    label_selector=selector,
                    _request_timeout=_TIMEOUT_SECONDS,
                )
            else:
                page = await self._custom.list_namespaced_custom_object(
                    *kind.at(namespace),
                    label_selector=selector,
                    _request_timeout=_TIMEOUT_SECONDS,
                )
        return list(page["items"])


@asynccontextmanager
async def _translated(what: str) -> AsyncIterator[None]:
    """Turn the client's errors into Sluice's; `what` completes 'cannot ...'."""
    try:
        yield
    except ApiException as error:
        text = f"cannot {what}: {error.status} {error.reason}: {_message(error)}"
        if error.status == _CONFLICT:
            raise ForeignChange(text) from error
        if error.status in _RETRYABLE:
            raise SourceUnavailable(text) from error
        raise ClusterRefused(text) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SourceUnavailable(f"cannot {what}: {type(error).__name__} {error}") from error


def _message(error: ApiException) -> str:
    return str(error.body or "")[:500]


def _require_kubeconfig() -> None:
    """Say that there is none before the client does, which prints it and then fails obscurely.

    Raises: ClusterRefused
    """
    places = os.environ.get("KUBECONFIG", "~/.kube/config").split(os.pathsep)
    if not any(Path(place).expanduser().is_file() for place in places):
        raise ClusterRefused(
            f"cannot find a cluster: no kubeconfig at {' or '.join(places)}. Set KUBECONFIG"
        )


@asynccontextmanager
async def connect(context: str | None = None) -> AsyncIterator[Cluster]:
    """Open the API server that the environment names: in a pod its own, else the kubeconfig's.

    Raises: ClusterRefused if neither is there.
    """
    configuration = client.Configuration()
    try:
        try:
            config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
        except config.ConfigException:
            _require_kubeconfig()
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                context=context, client_configuration=configuration
            )
    except (config.ConfigException, OSError) as error:
        raise ClusterRefused(
            f"cannot find a cluster: {error}. Set KUBECONFIG, or run inside one"
        ) from error
    async with client.ApiClient(configuration) as api:
        yield Cluster(api)
