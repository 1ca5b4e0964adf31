"""KServe's controller with its webhooks, as a program beside the cluster."""

import json
import shutil
from typing import Any

from lab import api, pki, processes
from lab.api import Api, Document
from lab.parts.gateway import GATEWAY_NAME, GATEWAY_NAMESPACE
from lab.place import NODE_IP, Place
from lab.toolchain import manifests
from lab.toolchain.build import Toolbox

NAMESPACE = "kserve"
_WEBHOOK_PORT = 19443
_HEALTH = "127.0.0.1:18081"


def install_crds(tools: Toolbox, client: Api) -> None:
    """Create KServe's custom resources, its namespace and its settings."""
    folder = tools.path("kserve-manifests")
    client.apply(api.namespace(NAMESPACE))
    client.apply(configmap(manifests.load(folder, "configmap")[0]))
    client.install(manifests.load(folder, "crds"))


def start(place: Place, tools: Toolbox, client: Api) -> None:
    """Start the controller and wait until an InferenceService passes its webhooks."""
    files = pki.of(place)
    scratch = place.state / "kserve"
    # KServe has no flag for this folder; it is fixed relative to TMPDIR.
    certificates = scratch / "k8s-webhook-server" / "serving-certs"
    certificates.mkdir(parents=True, exist_ok=True)
    shutil.copy(files.crt("server"), certificates / "tls.crt")
    shutil.copy(files.key("server"), certificates / "tls.key")
    processes.start(
        place,
        "kserve",
        [
            tools.path("kserve-manager"),
            "--metrics-addr", "127.0.0.1:18080",
            "--health-probe-addr", _HEALTH,
            "--webhook-port", str(_WEBHOOK_PORT),
        ],
        env={
            "TMPDIR": str(scratch),
            "POD_NAMESPACE": NAMESPACE,
            "KUBECONFIG": str(place.kubeconfig),
        },
    )  # fmt: skip
    hooks = manifests.load(tools.path("kserve-manifests"), "webhooks")
    authority = pki.encoded(files.crt("ca"))
    client.apply_all(webhook(document, authority) for document in hooks)
    api.until(
        lambda: api.http_status(f"http://{_HEALTH}/readyz") == 200,
        what="kserve is ready",
        seconds=90,
    )
    api.until(
        lambda: bool(client.apply(_probe(), dry_run=True)),
        what="kserve accepts an InferenceService",
        seconds=60,
    )


def configmap(original: Document) -> dict[str, Any]:
    """Return KServe's own ConfigMap, changed where the lab must.

    `ingressGateway` is required even though Knative is not used. Requests are
    small so that several models fit on one small node.
    """
    data = {key: value for key, value in original["data"].items() if key != "_example"}
    data["deploy"] = json.dumps({"defaultDeploymentMode": "Standard"})
    data["ingress"] = json.dumps(
        {
            "enableGatewayApi": True,
            "kserveIngressGateway": f"{GATEWAY_NAMESPACE}/{GATEWAY_NAME}",
            "ingressGateway": "unused/unused",
            "ingressDomain": "example.com",
            "urlScheme": "http",
        }
    )
    resource = {
        "cpuRequest": "50m", "memoryRequest": "64Mi", "cpuLimit": "2", "memoryLimit": "2Gi",
    }  # fmt: skip
    data["inferenceService"] = json.dumps({"resource": resource})
    metadata = {"name": original["metadata"]["name"], "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def webhook(original: Document, authority: str) -> dict[str, Any]:
    """Return a webhook configuration that calls the program on the node, not a Service."""
    hooks = [
        {
            **hook,
            "clientConfig": {
                "url": f"https://{NODE_IP}:{_WEBHOOK_PORT}{hook['clientConfig']['service']['path']}",
                "caBundle": authority,
            },
        }
        for hook in original["webhooks"]
    ]
    metadata = {"name": original["metadata"]["name"]}
    return {**original, "metadata": metadata, "webhooks": hooks}


def _probe() -> dict[str, Any]:
    container = {"name": "kserve-container", "image": "localhost/none:1"}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "probe", "namespace": "default"},
        "spec": {"predictor": {"containers": [container]}},
    }
