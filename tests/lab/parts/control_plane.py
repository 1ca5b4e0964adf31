"""etcd, the API server, the controller manager and the scheduler."""

import ssl

from lab import api, pki, processes
from lab.api import Api
from lab.place import NODE_IP, Place
from lab.toolchain.build import Toolbox

POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
_ETCD = "http://127.0.0.1:2379"


def start_etcd(place: Place) -> None:
    """Start etcd; its data lives as long as the lab, so it need not be synced to disk."""
    processes.start(
        place,
        "etcd",
        [
            "etcd",
            "--data-dir", place.state / "etcd",
            "--listen-client-urls", _ETCD,
            "--advertise-client-urls", _ETCD,
            "--listen-peer-urls", "http://127.0.0.1:2380",
            "--unsafe-no-fsync",
            "--log-level", "warn",
        ],
    )  # fmt: skip


def start_api_server(place: Place, tools: Toolbox) -> Api:
    """Start the API server and wait until it says it is ready."""
    files = pki.of(place)
    processes.start(
        place,
        "kube-apiserver",
        [
            tools.path("kube-apiserver"),
            "--etcd-servers", _ETCD,
            "--bind-address", "0.0.0.0",
            "--advertise-address", NODE_IP,
            "--secure-port", str(api.PORT),
            "--service-cluster-ip-range", SERVICE_CIDR,
            "--client-ca-file", files.crt("ca"),
            "--tls-cert-file", files.crt("server"),
            "--tls-private-key-file", files.key("server"),
            "--service-account-key-file", files.key("sa"),
            "--service-account-signing-key-file", files.key("sa"),
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--authorization-mode", "Node,RBAC",
            "--allow-privileged=true",
            "--kubelet-client-certificate", files.crt("admin"),
            "--kubelet-client-key", files.key("admin"),
            # Names of nodes resolve nowhere: without this, exec and logs try DNS.
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
        ],
    )  # fmt: skip
    client = api.client(files.crt("ca"), files.crt("admin"), files.key("admin"))
    api.until(lambda: _ready(client), what="kube-apiserver is ready", seconds=60)
    return client


def start_controllers(place: Place, tools: Toolbox) -> None:
    """Start the controller manager and the scheduler."""
    files = pki.of(place)
    processes.start(
        place,
        "kube-controller-manager",
        [
            tools.path("kube-controller-manager"),
            "--kubeconfig", place.kubeconfig,
            "--service-account-private-key-file", files.key("sa"),
            "--root-ca-file", files.crt("ca"),
            "--leader-elect=false",
            "--allocate-node-cidrs=true",
            "--cluster-cidr", POD_CIDR,
        ],
    )  # fmt: skip
    processes.start(
        place,
        "kube-scheduler",
        [
            tools.path("kube-scheduler"),
            "--kubeconfig", place.kubeconfig,
            "--leader-elect=false",
        ],
    )  # fmt: skip


def _ready(client: Api) -> bool:
    try:
        return client.request("GET", "/readyz") == "ok"
    except ssl.SSLError:
        return False
