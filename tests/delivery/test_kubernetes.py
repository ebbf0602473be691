"""The manifests: valid for the API, as rendered by the real kustomize, and as safe as the text says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.delivery.tools import DEPLOY, ROOT, beside_python, kustomize, run

FOLDER = DEPLOY / "kubernetes"
VERSIONS = ("1.29", "1.33")
"""The oldest that the manifests are for, and a newer one."""

KUSTOMIZE = {"Kustomization", "Component"}
OPERATOR = {"ServiceMonitor"}
"""A kind of the Prometheus Operator, of which Kubernetes itself has no schema."""

Manifest = dict[str, Any]


def files() -> list[Path]:
    """The files of complete objects."""
    return [path for path in sorted(FOLDER.rglob("*.yaml")) if {"apiVersion", "kind"} <= keys(path)]


def keys(path: Path) -> set[str]:
    loaded = yaml.safe_load(path.read_text("utf-8"))
    return set(loaded) if isinstance(loaded, dict) else set()


def validate(manifest: Manifest) -> None:
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


def of_kind(manifests: list[Manifest], kind: str) -> Manifest:
    [found] = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


@pytest.fixture(scope="module")
def base() -> list[Manifest]:
    return kustomize(FOLDER / "base")


@pytest.fixture(scope="module")
def example() -> list[Manifest]:
    return kustomize(FOLDER / "overlays" / "example")


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_each_file_is_a_valid_object(path: Path) -> None:
    manifest = yaml.safe_load(path.read_text("utf-8"))
    if manifest["kind"] == "Project":
        assert manifest["apiVersion"] == "reconciler/v1"
    elif manifest["kind"] not in KUSTOMIZE | OPERATOR:
        validate(manifest)


def test_every_file_is_used() -> None:
    used = set[Path]()
    for path in FOLDER.rglob("kustomization.yaml"):
        made = yaml.safe_load(path.read_text("utf-8"))
        names = [*made.get("resources", []), *(patch["path"] for patch in made.get("patches", []))]
        names += [name for generator in made.get("configMapGenerator", []) for name in generator["files"]]
        used |= {path, *((path.parent / name).resolve() for name in names)}
    assert {path for path in FOLDER.rglob("*.yaml") if path not in used} == set()


def test_a_mistake_is_found() -> None:
    manifest = yaml.safe_load((FOLDER / "base" / "deployment.yaml").read_text("utf-8"))
    validate(manifest)
    manifest["spec"]["template"]["spec"]["containers"][0]["readOnlyRootFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(manifest)


def test_what_kustomize_makes_is_valid(base: list[Manifest], example: list[Manifest]) -> None:
    expected = ["ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"]
    assert sorted(manifest["kind"] for manifest in base) == expected
    assert sorted(manifest["kind"] for manifest in example) == sorted([*expected, "Namespace", "ServiceMonitor"])
    for manifest in [*base, *example]:
        if manifest["kind"] not in OPERATOR:
            validate(manifest)


def test_the_pods_are_restricted(example: list[Manifest]) -> None:
    pod = of_kind(example, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert of_kind(example, "ServiceAccount")["automountServiceAccountToken"] is False
    assert "env" not in container, "secrets are files"


def test_the_pods_run_what_the_image_runs(example: list[Manifest]) -> None:
    deployment = of_kind(example, "Deployment")["spec"]
    [container] = deployment["template"]["spec"]["containers"]
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    [line] = [line for line in dockerfile.splitlines() if line.startswith("CMD ")]
    assert yaml.safe_load(line.removeprefix("CMD ")) == container["args"]
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert deployment["replicas"] == 2
    assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] == 30


def test_only_two_folders_can_be_written(example: list[Manifest]) -> None:
    [container] = of_kind(example, "Deployment")["spec"]["template"]["spec"]["containers"]
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert sorted(writable) == ["/config/var", "/tmp"]


def test_secrets_are_referred_to_and_exist_elsewhere(example: list[Manifest]) -> None:
    volumes = of_kind(example, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert [volume["secret"]["secretName"] for volume in volumes if "secret" in volume] == ["reconcile-secrets"]
    assert [manifest for manifest in example if manifest["kind"] == "Secret"] == []


def test_selectors_mean_the_pods_and_nothing_else(example: list[Manifest]) -> None:
    labels = of_kind(example, "Deployment")["spec"]["template"]["metadata"]["labels"]
    ours = {"app.kubernetes.io/name": "reconcile"}
    assert labels == ours
    assert of_kind(example, "Service")["spec"]["selector"] == ours
    for kind, key in (
        ("Deployment", "selector"),
        ("PodDisruptionBudget", "selector"),
        ("ServiceMonitor", "selector"),
        ("NetworkPolicy", "podSelector"),
    ):
        assert of_kind(example, kind)["spec"][key] == {"matchLabels": ours}, kind


def test_the_network_is_open_where_it_must_be(example: list[Manifest]) -> None:
    policy = of_kind(example, "NetworkPolicy")["spec"]
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    opened = [sorted(port["port"] for port in rule["ports"]) for rule in policy["egress"]]
    assert opened == [[53, 53], [443], [5432]]
    names, outside, database = (rule["to"] for rule in policy["egress"])
    # A label added here by kustomize would cut the pods off from names.
    assert [peer["podSelector"] for peer in names] == [{"matchLabels": {"k8s-app": "kube-dns"}}]
    assert "169.254.0.0/16" in outside[0]["ipBlock"]["except"]
    assert database == [{"ipBlock": {"cidr": "10.20.0.0/24"}}], "the overlay's patch hits the rule of PostgreSQL"
    [ingress] = policy["ingress"]
    assert [port["port"] for port in ingress["ports"]] == ["http"]
    assert ingress["from"], "an empty list would let everybody in"


def test_a_changed_project_file_rolls_the_pods(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "base", tmp_path / "base")
    names = []
    for every in ("1m", "5m"):
        path = tmp_path / "base" / "reconcile.yaml"
        path.write_text(path.read_text("utf-8").replace("every: 1m", f"every: {every}"), "utf-8")
        pod = of_kind(kustomize(tmp_path / "base"), "Deployment")["spec"]["template"]["spec"]
        names += [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
    assert len(set(names)) == 2


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("reconcile.yaml")), ids=lambda path: path.parent.name)
def test_the_project_files_are_valid(path: Path) -> None:
    """They stand alone here; the documents are in the repository that they name."""
    done = run(beside_python("check-jsonschema"), "--schemafile", ROOT / "schemas" / "project.schema.json", path)
    assert done.returncode == 0, done.stdout
