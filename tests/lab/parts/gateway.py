"""Gateway API, served by Envoy Gateway and Envoy as programs beside the cluster."""

import base64
import json
from pathlib import Path
from typing import Any

from lab import api, commands, processes
from lab.api import Api, Document
from lab.place import GATEWAY_URL, NODE_IP, Place
from lab.toolchain import envoy, manifests
from lab.toolchain.build import Toolbox

GATEWAY_NAMESPACE = "gateways"
GATEWAY_NAME = "inference"
_PORT = 8000
_OWN_NAMESPACE = "envoy-gateway-system"
_CLASS = "envoy"


def install_gateway_api(tools: Toolbox, client: Api) -> None:
    """Create the custom resources of Gateway API, and the policies that guard them."""
    client.install([crd for crd in _crds(tools) if not _is_envoys(crd)])


def install_envoy_crds(tools: Toolbox, client: Api) -> None:
    """Create Envoy Gateway's own custom resources."""
    client.install([crd for crd in _crds(tools) if _is_envoys(crd)])


def make_certificates(place: Place, tools: Toolbox, client: Api) -> None:
    """Have Envoy Gateway make the certificates between it and Envoy, and put them in place."""
    folder = _folder(place)
    program = tools.path("envoy-gateway")
    client.apply(api.namespace(_OWN_NAMESPACE))
    commands.run([program, "certgen", "--disable-topology-injector"], env=_environment(place))
    # It reads its own certificate from /certs, which the mount namespace makes this folder.
    _write_secret(client, "envoy-gateway", folder / "certs")
    _write_secret(client, "envoy", folder / "config" / "certs" / "envoy")


def start(place: Place, tools: Toolbox, client: Api) -> None:
    """Start Envoy Gateway, declare the Gateway, and wait until Envoy answers on its port."""
    folder = _folder(place)
    client.apply_all(objects())
    _link_envoy(folder, tools.path("envoy"))
    config = folder / "envoy-gateway.json"
    config.write_text(json.dumps(config_document(folder)))
    argv: list[str | Path] = [tools.path("envoy-gateway"), "server", "--config-path", config]
    processes.start(place, "envoy-gateway", argv, env=_environment(place))
    api.until(
        lambda: api.http_status(f"{GATEWAY_URL}/") > 0,
        what="the gateway answers",
        seconds=90,
    )


def config_document(folder: Path) -> dict[str, Any]:
    """Return Envoy Gateway's settings: read the cluster, run Envoy as a program here."""
    host = {
        "configHome": str(folder / "config"),
        "dataHome": str(folder / "data"),
        "stateHome": str(folder / "state"),
        "runtimeDir": str(folder / "run"),
    }
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyGateway",
        "gateway": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        "provider": {
            "type": "Custom",
            "custom": {
                "resource": {"type": "Kubernetes"},
                "infrastructure": {"type": "Host", "host": host},
            },
        },
    }


def objects() -> list[dict[str, Any]]:
    """Return the GatewayClass, its parameters, and the one Gateway, open to all namespaces."""
    group = "gateway.networking.k8s.io/v1"
    parameters = {"name": "host", "namespace": _OWN_NAMESPACE}
    listener = {
        "name": "http",
        "port": _PORT,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    return [
        api.namespace(GATEWAY_NAMESPACE),
        {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyProxy",
            "metadata": parameters,
            "spec": {"provider": {"type": "Host", "host": {"envoyVersion": envoy.VERSION}}},
        },
        {
            "apiVersion": group,
            "kind": "GatewayClass",
            "metadata": {"name": _CLASS},
            "spec": {
                "controllerName": "gateway.envoyproxy.io/gatewayclass-controller",
                "parametersRef": {
                    "group": "gateway.envoyproxy.io",
                    "kind": "EnvoyProxy",
                    **parameters,
                },
            },
        },
        {
            "apiVersion": group,
            "kind": "Gateway",
            "metadata": {"name": GATEWAY_NAME, "namespace": GATEWAY_NAMESPACE},
            "spec": {
                "gatewayClassName": _CLASS,
                "addresses": [{"type": "IPAddress", "value": NODE_IP}],
                "listeners": [listener],
            },
        },
    ]


def _crds(tools: Toolbox) -> list[dict[str, Any]]:
    return manifests.load(tools.path("gateway-manifests"), "crds")


def _is_envoys(document: Document) -> bool:
    return bool(document["metadata"]["name"].endswith(".gateway.envoyproxy.io"))


def _folder(place: Place) -> Path:
    return place.state / "envoy-gateway"


def _environment(place: Place) -> dict[str, str]:
    return {"KUBECONFIG": str(place.kubeconfig)}


def _write_secret(client: Api, name: str, folder: Path) -> None:
    secret = client.get(f"/api/v1/namespaces/{_OWN_NAMESPACE}/secrets/{name}")
    folder.mkdir(parents=True, exist_ok=True)
    for key, value in secret["data"].items():
        (folder / key).write_bytes(base64.b64decode(value))


def _link_envoy(folder: Path, program: Path) -> None:
    """Put Envoy where Envoy Gateway looks before it would download one."""
    link = folder / "data" / "envoy-versions" / envoy.VERSION / "bin" / "envoy"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(program)
