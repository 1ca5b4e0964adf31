"""kubelet and kube-proxy: the one node, Ready when pods can run on it."""

import json

from lab import api, pki, processes
from lab.api import Api
from lab.parts.control_plane import POD_CIDR
from lab.parts.dns import CLUSTER_DOMAIN, DNS_IP
from lab.place import NODE_IP, NODE_NAME, Place
from lab.toolchain.build import Toolbox


def start_kubelet(place: Place, tools: Toolbox, client: Api) -> None:
    """Start kubelet and wait until the node is Ready."""
    folder = place.state / "kubelet-config"
    folder.mkdir(parents=True, exist_ok=True)
    # Empty: what is not in the cluster shall not resolve, whatever the machine's own resolver.
    (folder / "resolv.conf").write_text("")
    config = folder / "config.json"
    config.write_text(json.dumps(kubelet_config(place)))
    processes.start(
        place,
        "kubelet",
        [
            tools.path("kubelet"),
            "--config", config,
            "--kubeconfig", place.kubeconfig,
            "--node-ip", NODE_IP,
            "--hostname-override", NODE_NAME,
        ],
    )  # fmt: skip
    path = f"/api/v1/nodes/{NODE_NAME}"
    api.until(
        lambda: api.has_condition(client.get(path), "Ready"), what="the node is Ready", seconds=60
    )


def kubelet_config(place: Place) -> dict[str, object]:
    """Return kubelet's settings; each one that differs from the default was needed.

    Its root is /var/lib/kubelet, which the mount namespace makes this lab's own.
    """
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.of(place).crt("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{place.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        # Without a root of its own it would remove the pods of another checkout's lab.
        "cgroupRoot": f"/{place.pods_cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDomain": CLUSTER_DOMAIN,
        "clusterDNS": [DNS_IP],
        "resolvConf": str(place.state / "kubelet-config" / "resolv.conf"),
        "localStorageCapacityIsolation": False,
        "enforceNodeAllocatable": [],
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
        },
        # Images cannot be pulled again, so none is ever collected.
        "imageGCHighThresholdPercent": 100,
        "maxPods": 110,
        "registerNode": True,
        "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "5s",
        "syncFrequency": "10s",
    }


def start_proxy(place: Place, tools: Toolbox) -> None:
    """Start kube-proxy, which writes the iptables rules of Services."""
    config = place.state / "kube-proxy.json"
    config.write_text(json.dumps(proxy_config(place)))
    processes.start(place, "kube-proxy", [tools.path("kube-proxy"), "--config", config])


def proxy_config(place: Place) -> dict[str, object]:
    """Return kube-proxy's settings; it must leave the machine's own limits alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(place.kubeconfig)},
        "clusterCIDR": POD_CIDR,
        "hostnameOverride": NODE_NAME,
        "mode": "iptables",
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "oomScoreAdj": 0,
    }
