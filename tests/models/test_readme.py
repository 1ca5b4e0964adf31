"""The README's example is a program that serves."""

import json
import re
from pathlib import Path

import pytest

from models.served import running

pytestmark = pytest.mark.timeout(120)

README = Path(__file__).parents[2] / "models" / "README.md"


def test_the_example_serves(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    program = tmp_path / "lamp.py"
    program.write_text(found.group(1))
    (tmp_path / "middle.txt").write_text("0.5")
    with running([str(program)], tmp_path, tmp_path / "log", name="lamp") as server:
        instances = [[[level] * 32] * 32 for level in (0, 130, 250)]
        answer = server.ask("/v1/models/lamp:predict", {"instances": instances})
        scraped = server.scrape()
    classes = [prediction["class"] for prediction in json.loads(answer.body)["predictions"]]
    assert classes == ["dark", None, "lit"]
    listed = set(re.findall(r"(?m)^\| `(inference_\w+)` \|", README.read_text(encoding="utf-8")))
    exported = {re.sub(r"_(bucket|count|sum)\{.*|\{.*", "", series) for series in scraped}
    assert exported == listed
