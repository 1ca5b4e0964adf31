"""A very small client of the lab's API server: enough to set the cluster up.

It runs in threads inside the network namespace (see namespaces.executor), so
no program has to be started for a request. Tests and the operator use the real
Python client instead.
"""

import functools
import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import commands
from lab.errors import LabError
from lab.place import NODE_IP

PORT = 6443
_TIMEOUT_SECONDS = 30
_POLL_SECONDS = 0.1

Document = Mapping[str, Any]


class Refused(LabError):  # noqa: N818 - named for what is so, like Kubernetes' reasons
    """The API server's answer to a request that it did not carry out."""

    def __init__(self, request: str, status: int, answer: str) -> None:
        super().__init__(f"{request}: {status} {answer[:600]}")
        self.status = status


@dataclass(slots=True)
class Api:
    """Requests as the cluster's administrator, one connection each; usable by many threads."""

    context: ssl.SSLContext
    _plurals: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict)

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at `path`."""
        answer: dict[str, Any] = json.loads(self.request("GET", path))
        return answer

    def apply(self, document: Document, *, dry_run: bool = False) -> dict[str, Any]:
        """Apply one object on the server side, creating it if needed."""
        path = self.path_of(document) + "?fieldManager=lab&force=true"
        path += "&dryRun=All" if dry_run else ""
        body = json.dumps(document)
        answer: dict[str, Any] = json.loads(self.request("PATCH", path, body))
        return answer

    def apply_all(self, documents: Iterable[Document]) -> None:
        """Apply objects one after the other."""
        for document in documents:
            self.apply(document)

    def request(self, method: str, path: str, body: str | None = None) -> str:
        """Send one request and return the answer's text.

        Raises: Refused for any status of 400 and more, OSError if nobody answers.
        """
        connection = http.client.HTTPSConnection(
            NODE_IP, PORT, context=self.context, timeout=_TIMEOUT_SECONDS
        )
        try:
            kind = "apply-patch+yaml" if method == "PATCH" else "json"
            headers = {"Content-Type": f"application/{kind}", "Accept": "application/json"}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            raise Refused(f"{method} {path.partition('?')[0]}", response.status, text)
        return text

    def path_of(self, document: Document) -> str:
        """Return the path of an object, by what the API server says of its kind."""
        version, kind = document["apiVersion"], document["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if kind not in self._plurals.get(version, {}):
            self._plurals[version] = {
                entry["kind"]: (entry["name"], entry["namespaced"])
                for entry in self.get(root)["resources"]
                if "/" not in entry["name"]
            }
        plural, namespaced = self._plurals[version][kind]
        metadata = document["metadata"]
        scope = f"/namespaces/{metadata.get('namespace', 'default')}" if namespaced else ""
        return f"{root}{scope}/{plural}/{metadata['name']}"

    def install(self, documents: Sequence[Document]) -> None:
        """Create objects and wait until the custom resources among them are served.

        Created, not applied: of a schema of half a megabyte that costs the API
        server half as much. A controller that starts before its resources are
        served gives up.
        """
        bodies = {self.path_of(document): json.dumps(document) for document in documents}
        # The largest first: the API server goes on with them while it takes the small ones.
        for path, body in sorted(bodies.items(), key=lambda item: -len(item[1])):
            self.request("POST", path.rpartition("/")[0] + "?fieldManager=lab", body)
        for document in documents:
            if document["kind"] == "CustomResourceDefinition":
                until(
                    functools.partial(self.serves, document),
                    what=f"custom resource {document['metadata']['name']} is served",
                    seconds=60,
                )

    def serves(self, crd: Document) -> bool:
        """Tell whether clients can find all versions of this custom resource.

        Asked of the discovery documents, as clients do: they are small, unlike the resource.
        """
        group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
        versions = [version["name"] for version in crd["spec"]["versions"] if version["served"]]
        return all(
            plural in {entry["name"] for entry in self.get(f"/apis/{group}/{name}")["resources"]}
            for name in versions
        )


def client(ca: Path, certificate: Path, key: Path) -> Api:
    """Return a client that trusts `ca` and shows `certificate`."""
    context = ssl.create_default_context(cafile=str(ca))
    context.load_cert_chain(certificate, key)
    return Api(context)


def has_condition(item: Document, kind: str) -> bool:
    """Tell whether the object's condition of this type is True."""
    conditions = item.get("status", {}).get("conditions") or []
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def namespace(name: str) -> dict[str, Any]:
    """Return a Namespace object."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def until(probe: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Ask again and again until the probe holds.

    Being unreachable or not ready yet counts as not holding. Raises: LabError
    with the last trouble after `seconds`, or when the lab is interrupted.
    """
    deadline = time.monotonic() + seconds
    trouble = ""
    while True:
        try:
            if probe():
                return
        except (OSError, http.client.HTTPException, Refused) as error:
            trouble = f" (last: {error})"
        if commands.cancelled():
            raise LabError("interrupted")
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not so after {seconds:.0f} s{trouble}. See `lab logs`")
        time.sleep(_POLL_SECONDS)


def http_status(url: str) -> int:
    """Return the status that a plain HTTP server in the namespace answers with."""
    address, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status
    finally:
        connection.close()
