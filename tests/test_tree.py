"""What must be true of the tree itself."""

from __future__ import annotations

import operator
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_the_folder_operator_never_hides_pythons_module() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert "itemgetter" in dir(operator)


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc"])
def test_there_are_no_drawers(name: str) -> None:
    assert [] == tracked(f"*/{name}.py", f"*/{name}/*")


def test_modules_stay_small() -> None:
    large = [
        path.relative_to(ROOT)
        for path in tracked("operator/*.py", "models/*.py", "tests/lab/*.py")
        if path.read_text().count("\n") > 400
    ]

    assert [] == large


def test_no_file_names_somebodys_machine() -> None:
    pattern = re.compile(rf"(?<![\w.])/root/\w|{re.escape(str(ROOT))}/")
    found = [
        str(path.relative_to(ROOT))
        for path in tracked("*.py", "*.md", "*.yaml", "*.toml", "Makefile")
        if path != Path(__file__) and pattern.search(path.read_text())
    ]

    assert [] == found


def test_the_image_of_the_readme_is_there() -> None:
    assert (ROOT / "docs" / "images" / "demo.png").read_bytes().startswith(b"\x89PNG")
