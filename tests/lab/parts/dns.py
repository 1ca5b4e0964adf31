"""CoreDNS: names of Services for pods, and nothing else, since there is no other network."""

from lab import api, processes
from lab.api import Api
from lab.parts import services
from lab.place import NODE_IP, Place
from lab.toolchain.build import Toolbox

CLUSTER_DOMAIN = "cluster.local"
DNS_IP = "10.96.0.10"
_READY = "127.0.0.1:8181"


def start(place: Place, tools: Toolbox, client: Api) -> None:
    """Start CoreDNS behind the Service kube-dns and wait until it knows the cluster."""
    ports = {"dns": ("UDP", 53), "dns-tcp": ("TCP", 53)}
    services.publish(client, "kube-system", "kube-dns", ports, cluster_ip=DNS_IP)
    file = place.state / "Corefile"
    file.write_text(corefile(place))
    processes.start(place, "coredns", [tools.path("coredns"), "-conf", file])
    api.until(
        lambda: api.http_status(f"http://{_READY}/ready") == 200,
        what="coredns is ready",
        seconds=60,
    )


def corefile(place: Place) -> str:
    """Return CoreDNS's settings: every name outside the cluster does not exist."""
    return f"""{CLUSTER_DOMAIN}:53 in-addr.arpa:53 {{
    bind {NODE_IP}
    errors
    ready {_READY}
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
        kubeconfig {place.kubeconfig}
        pods insecure
        ttl 5
    }}
}}
.:53 {{
    bind {NODE_IP}
    errors
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""
