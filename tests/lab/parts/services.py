"""Services whose server is a program of the lab beside the cluster, not a pod."""

from typing import Any

from lab import api
from lab.api import Api
from lab.place import NODE_IP, NODE_NAME


def publish(
    client: Api,
    namespace: str,
    name: str,
    ports: dict[str, tuple[str, int]],
    cluster_ip: str | None = None,
) -> None:
    """Make NODE_IP's ports reachable as the Service `name`.

    `ports` maps a port's name to protocol and number. The Service has no
    selector; its EndpointSlice is written here.
    """
    spec: dict[str, Any] = {
        "ports": [
            {"name": key, "protocol": protocol, "port": number, "targetPort": number}
            for key, (protocol, number) in ports.items()
        ]
    }
    if cluster_ip:
        spec["clusterIP"] = cluster_ip
    metadata = {"name": name, "namespace": namespace}
    client.apply(api.namespace(namespace))
    client.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    client.apply(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [
                {"addresses": [NODE_IP], "nodeName": NODE_NAME, "conditions": {"ready": True}}
            ],
            "ports": [
                {"name": key, "protocol": protocol, "port": number}
                for key, (protocol, number) in ports.items()
            ],
        }
    )
