"""Where built programs are cached: by all that they are made of."""

import re
from pathlib import Path

import pytest

from lab import api, place
from lab.errors import LabError
from lab.toolchain import go, programs

MADE_OF = {"go_mod": "module a", "go_sum": "h1:x", "flags": "-s -w", "machine": "x86_64"}


@pytest.mark.parametrize("part", MADE_OF)
def test_a_change_of_any_part_is_another_folder(part: str) -> None:
    changed = {**MADE_OF, part: MADE_OF[part] + "!"}
    assert programs.cache_key(**MADE_OF) == programs.cache_key(**dict(MADE_OF))
    assert programs.cache_key(**MADE_OF) != programs.cache_key(**changed)


def test_the_cluster_can_start_before_the_last_programs_are_built() -> None:
    order = [program.name for batch in programs.BATCHES for program in batch.programs]
    assert "kube-apiserver" == order[0]
    assert order.index("kubelet") < order.index("kserve-manager") < order.index("helm")
    assert sorted(set(order)) == sorted(order)


def test_every_kubernetes_module_has_the_same_release() -> None:
    release = programs.version_of("cluster", "k8s.io/kubernetes").removeprefix("v1.")
    text = (programs.GO_FOLDER / "cluster" / "go.mod").read_text()
    replaced = dict(
        re.findall(r"^\s*(?:replace )?k8s.io/\S+ => (k8s.io/\S+) (\S+)$", text, re.MULTILINE)
    )
    assert len(replaced) > 20
    assert {f"v0.{release}"} == set(replaced.values())


def test_an_unknown_module_has_no_version() -> None:
    with pytest.raises(KeyError):
        programs.version_of("cluster", "example.com/none")


@pytest.mark.parametrize(
    ("text", "version"),
    [("go version go1.26.7 linux/amd64", (1, 26, 7)), ("go version devel", ())],
)
def test_the_version_of_a_compiler(text: str, version: tuple[int, ...]) -> None:
    assert version == go.parse_version(text)


def test_two_checkouts_share_no_name_folder_or_socket(tmp_path: Path) -> None:
    one, two = place.place_of(tmp_path / "one"), place.place_of(tmp_path / "two")
    for what in ("name", "folder", "network_namespace", "pods_cgroup", "parts_cgroup"):
        assert getattr(one, what) != getattr(two, what), what
    assert one == place.place_of(tmp_path / "one")
    assert len(str(one.containerd_socket)) < 100


def test_waiting_tells_what_it_waited_for_and_the_last_trouble() -> None:
    def probe() -> bool:
        raise ConnectionRefusedError("nobody there")

    with pytest.raises(LabError, match=r"etcd answers: not so after 0 s \(last: nobody there"):
        api.until(probe, what="etcd answers", seconds=0)
