"""The certificates of one lab: made anew at every start, good for a month.

One authority signs two certificates: the administrator's, which all
controllers of the lab use, and the one that every server of the lab shows.
"""

import base64
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab import commands
from lab.place import NODE_IP, Place

_DAYS = "30"
_SERVER_NAMES = f"IP:{NODE_IP},IP:10.96.0.1,IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc"


@dataclass(frozen=True, slots=True)
class Pki:
    """The files: `ca`, `admin` and `server` have a .crt and a .key, `sa` only a key."""

    folder: Path

    def crt(self, name: str) -> Path:
        """Return the certificate's file."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Return the private key's file."""
        return self.folder / f"{name}.key"


def of(place: Place) -> Pki:
    """Return where this lab's certificates are."""
    return Pki(place.state / "pki")


def create(place: Place) -> Pki:
    """Make all keys and certificates and the administrator's kubeconfig."""
    pki = of(place)
    pki.folder.mkdir(parents=True, exist_ok=True)
    _key(pki, "sa")
    _key(pki, "ca")
    commands.run(
        [
            "openssl", "req", "-x509", "-new", "-key", pki.key("ca"), "-out", pki.crt("ca"),
            "-subj", "/CN=sluice-lab", "-days", _DAYS,
        ]
    )  # fmt: skip
    _sign(pki, "admin", "/O=system:masters/CN=admin")
    _sign(pki, "server", "/CN=server", _SERVER_NAMES)
    place.kubeconfig.write_text(kubeconfig(pki))
    place.kubeconfig.chmod(0o600)
    return pki


def encoded(file: Path) -> str:
    """Return a file's content in base64, as Kubernetes objects hold it."""
    return base64.b64encode(file.read_bytes()).decode()


def kubeconfig(pki: Pki) -> str:
    """Return a kubeconfig with everything inside (JSON is YAML)."""
    cluster = {
        "server": f"https://{NODE_IP}:6443",
        "certificate-authority-data": encoded(pki.crt("ca")),
    }
    user = {
        "client-certificate-data": encoded(pki.crt("admin")),
        "client-key-data": encoded(pki.key("admin")),
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}],
            "current-context": "lab",
        }
    )


def _key(pki: Pki, name: str) -> None:
    commands.run(
        ["openssl", "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", pki.key(name)]
    )


def _sign(pki: Pki, name: str, subject: str, names: str = "") -> None:
    _key(pki, name)
    with tempfile.TemporaryDirectory() as scratch:
        request, extensions = Path(scratch) / "request", Path(scratch) / "extensions"
        extensions.write_text(f"subjectAltName={names}\n" if names else "")
        commands.run(
            ["openssl", "req", "-new", "-key", pki.key(name), "-subj", subject, "-out", request]
        )
        commands.run(
            [
                "openssl", "x509", "-req", "-in", request, "-out", pki.crt(name), "-days", _DAYS,
                "-CA", pki.crt("ca"), "-CAkey", pki.key("ca"), "-CAcreateserial",
                "-extfile", extensions,
            ]
        )  # fmt: skip
