"""The chart, rendered by the real helm: what it grants, how the operator runs, what it refuses."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "sluice"
Manifest = dict[str, Any]


def _find_helm() -> str | None:
    """Return a helm from PATH or from the folder where the lab keeps what it built."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folders = [os.environ.get("PATH", ""), *map(str, sorted(cache.glob("sluice/bin/cluster-*")))]
    return shutil.which("helm", path=os.pathsep.join(folders))


HELM = _find_helm()
pytestmark = pytest.mark.skipif(HELM is None, reason="no helm: `make lab` builds one")


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HELM or "helm", *arguments], capture_output=True, text=True, check=False, timeout=30
    )


def render(*settings: str) -> list[Manifest]:
    """Return the objects of `helm template`, with `settings` as --set arguments."""
    flags = [flag for setting in settings for flag in ("--set", setting)]
    done = helm("template", "sluice", str(CHART), "--namespace", "sluice-system", *flags)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(objects: list[Manifest], kind: str) -> list[Manifest]:
    return [item for item in objects if item["kind"] == kind]


def only(objects: list[Manifest], kind: str) -> Manifest:
    [item] = of_kind(objects, kind)
    return item


def rights(objects: list[Manifest]) -> dict[tuple[str, str], set[str]]:
    """Return (apiGroup, resource) -> verbs over all roles of the chart."""
    found: dict[tuple[str, str], set[str]] = {}
    for role in of_kind(objects, "ClusterRole") + of_kind(objects, "Role"):
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


def test_lint_finds_nothing_to_complain_about() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_operator_has_exactly_these_rights() -> None:
    read = {"get", "list", "watch"}
    own = read | {"create", "patch", "delete"}
    status = {"get", "patch", "update"}
    assert rights(render()) == {
        ("sluice.dev", "modeldeployments"): read,
        ("sluice.dev", "modeldeployments/status"): status,
        ("sluice.dev", "modeldeployments/finalizers"): {"update"},
        ("sluice.dev", "modelrevisions"): own,
        ("sluice.dev", "modelrevisions/status"): status,
        ("serving.kserve.io", "inferenceservices"): own,
        ("gateway.networking.k8s.io", "httproutes"): own,
        ("apps", "deployments"): read,
        ("", "pods"): read,
        ("events.k8s.io", "events"): {"create", "patch"},
        ("coordination.k8s.io", "leases"): {"get", "create", "update", "patch"},
        ("apiextensions.k8s.io", "customresourcedefinitions"): {"list", "watch"},
    }


def test_leases_are_granted_in_the_operators_own_namespace_only() -> None:
    granted = [
        (role["kind"], role["metadata"].get("namespace"))
        for role in render("watchNamespaces={a,b}")
        if "leases" in str(role.get("rules"))
    ]
    assert granted == [("Role", "sluice-system")]


def test_namespaced_mode_has_roles_there_and_no_cluster_role() -> None:
    objects = render("watchNamespaces={a,b}")
    assert not of_kind(objects, "ClusterRole")
    assert not of_kind(objects, "ClusterRoleBinding")
    watching = {
        role["metadata"]["namespace"]
        for role in of_kind(objects, "Role")
        if "inferenceservices" in str(role["rules"])
    }
    assert watching == {"a", "b"}
    bound = {item["metadata"]["namespace"] for item in of_kind(objects, "RoleBinding")}
    assert bound == {"a", "b", "sluice-system"}
    assert environment(objects)["SLUICE_NAMESPACES"]["value"] == "a,b"


@pytest.mark.parametrize("settings", [(), ("watchNamespaces={a,b}",)], ids=["cluster", "two"])
def test_each_binding_leads_to_a_role_and_account_that_exist(settings: tuple[str, ...]) -> None:
    objects = render(*settings)
    names = {(item["kind"], item["metadata"]["name"]) for item in objects}
    bindings = of_kind(objects, "RoleBinding") + of_kind(objects, "ClusterRoleBinding")
    assert bindings
    for binding in bindings:
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in names
        [subject] = binding["subjects"]
        assert (subject["kind"], subject["name"]) in names
        assert subject["namespace"] == "sluice-system"


def environment(objects: list[Manifest]) -> dict[str, Manifest]:
    [container] = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable for variable in container["env"]}


def test_the_settings_reach_the_operator() -> None:
    objects = render("prometheus.url=http://p.example:9090", "log.format=plain", "log.level=debug")
    seen = environment(objects)
    lease = seen.pop("SLUICE_LEASE_NAMESPACE")
    assert lease["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert {name: variable["value"] for name, variable in seen.items()} == {
        "SLUICE_PROMETHEUS_URL": "http://p.example:9090",
        "SLUICE_NAMESPACES": "",
        "SLUICE_HEALTH_PORT": "8080",
        "SLUICE_LOG_FORMAT": "plain",
        "SLUICE_LOG_LEVEL": "DEBUG",
    }


def test_the_pod_meets_the_restricted_pod_security_standard() -> None:
    pod = only(render("podSecurityContext.runAsNonRoot=false"), "Deployment")["spec"]["template"]
    assert pod["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    [container] = pod["spec"]["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not pod["spec"].get("volumes")


def test_a_label_of_the_user_never_replaces_what_the_selector_needs() -> None:
    deployment = only(
        render("podLabels.team=vision", r"podLabels.app\.kubernetes\.io/name=mine"), "Deployment"
    )
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "vision"
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_a_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "a" * 64
    [container] = only(
        render("image.repository=r.example/sluice", "image.tag=v1", f"image.digest={digest}"),
        "Deployment",
    )["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"r.example/sluice@{digest}"


def definitions() -> dict[str, Manifest]:
    paths = sorted((ROOT / "crds").glob("*.yaml"))
    assert paths, "crds/ is empty: `sluice crds` writes it"
    loaded = [yaml.safe_load(path.read_text()) for path in paths]
    return {item["metadata"]["name"]: item for item in loaded}


def test_the_chart_installs_the_generated_definitions_unchanged() -> None:
    rendered = of_kind(render(), "CustomResourceDefinition")
    assert {item["metadata"]["name"]: item["spec"] for item in rendered} == {
        name: item["spec"] for name, item in definitions().items()
    }


def test_an_uninstall_keeps_the_definitions_unless_told_otherwise() -> None:
    def policies(*settings: str) -> set[str | None]:
        found = of_kind(render(*settings), "CustomResourceDefinition")
        return {
            item["metadata"].get("annotations", {}).get("helm.sh/resource-policy") for item in found
        }

    assert policies() == {"keep"}
    assert policies("crds.keep=false") == {None}
    assert policies("crds.install=false") == set()


def test_nothing_of_the_chart_has_a_finalizer() -> None:
    assert not [item["metadata"]["name"] for item in render() if "finalizers" in item["metadata"]]


def test_no_monitor_is_rendered_unless_asked_for() -> None:
    assert not of_kind(render(), "PodMonitor")


def test_the_predictors_monitor_sets_the_labels_that_gates_rely_on() -> None:
    monitor = only(
        render("podMonitor.predictors.enabled=true", "podMonitor.labels.release=prom"), "PodMonitor"
    )
    assert monitor["metadata"]["labels"]["release"] == "prom"
    assert monitor["spec"]["namespaceSelector"] == {"any": True}
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    targets = {
        rule["targetLabel"]: rule["sourceLabels"]
        for rule in endpoint["relabelings"]
        if "targetLabel" in rule
    }
    assert targets["namespace"] == ["__meta_kubernetes_namespace"]
    assert targets["pod"] == ["__meta_kubernetes_pod_name"]
    assert targets["revision"] == ["__meta_kubernetes_pod_label_serving_kserve_io_inferenceservice"]


REFUSED = {
    "a key that does not exist": ("image.repostory=x", "'/image'", "repostory"),
    "a key at the top": ("prometheusUrl=http://x", "at ''", "prometheusUrl"),
    "a number as text": ("replicas=two", "'/replicas'", "integer"),
    "an address without a scheme": ("prometheus.url=p:9090", "'/prometheus/url'", "p:9090"),
    "a namespace that cannot be": ("watchNamespaces={A_b}", "'/watchNamespaces/0'", "A_b"),
    "an unknown log level": ("log.level=loud", "'/log/level'", "debug"),
    "one monitor key too many": ("podMonitor.predictor.enabled=true", "'/podMonitor'", "predictor"),
}


@pytest.mark.parametrize(("setting", "place", "word"), REFUSED.values(), ids=REFUSED)
def test_the_schema_refuses_and_names_the_field(setting: str, place: str, word: str) -> None:
    done = helm("template", "sluice", str(CHART), "--set", setting)
    assert done.returncode != 0
    assert place in done.stderr
    assert word in done.stderr


def test_the_schema_knows_every_default_value() -> None:
    """A value without a schema entry would be refused; one without a default is undocumented."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)


def test_an_account_that_is_not_created_must_be_named() -> None:
    done = helm("template", "sluice", str(CHART), "--set", "serviceAccount.create=false")
    assert "serviceAccount.name: must be set" in done.stderr


def test_the_notes_say_the_next_step() -> None:
    done = helm("install", "sluice", str(CHART), "--dry-run=client", "--namespace", "sluice-system")
    assert done.returncode == 0, done.stderr
    notes = done.stdout.split("NOTES:")[1]
    assert "rollout status deployment/sluice" in notes
    assert "Next: apply a ModelDeployment" in notes
