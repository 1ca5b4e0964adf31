"""Command line: train versions, evaluate them. Serving is `python -m digits.serve`."""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from digits.recipes import RECIPES, Recipe, Serving

if TYPE_CHECKING:
    from torch import nn

    from digits.evaluation import Evaluation

HEADER = f"{'version':8}{'accuracy':>9}{'null':>8}{'failed':>8}{'confidence':>12}{'p95 ms':>8}"


def main(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m digits", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train one version or all, then measure it")
    train.add_argument("version", choices=[*RECIPES, "all"])
    train.add_argument("--out", type=Path, required=True, help="writes OUT/VERSION/")
    measure = commands.add_parser("evaluate", help="measure every version in a folder")
    measure.add_argument("folder", type=Path)
    parsed = parser.parse_args(arguments)
    if parsed.command == "train":
        _train(parsed.version, parsed.out)
        return 0
    return _evaluate(parsed.folder)


def _train(version: str, out: Path) -> None:
    from digits import saved, scans
    from digits.evaluation import evaluate
    from digits.training import train

    training, held_out = scans.load()
    print(HEADER)
    trained: dict[Recipe, nn.Module] = {}
    for name in RECIPES if version == "all" else [version]:
        recipe = RECIPES[name]
        # Versions that differ only in how they are served share a training.
        weights = replace(recipe, serving=Serving())
        if weights not in trained:
            trained[weights] = train(weights, training)
        network = trained[weights]
        digest = training.first(recipe.training_scans).digest()
        saved.save(out / name, name, recipe, network, digest)
        evaluation = evaluate(out / name, held_out)
        saved.add_measured(out / name, asdict(evaluation))
        _print(name, evaluation)


def _evaluate(folder: Path) -> int:
    from digits import saved, scans
    from digits.evaluation import evaluate

    folders = sorted(path.parent for path in folder.glob(f"*/{saved.DESCRIPTION}"))
    if not folders:
        print(f"{folder}: holds no trained version. Run: python -m digits train all --out {folder}")
        return 1
    _, held_out = scans.load()
    print(HEADER)
    for version in folders:
        _print(version.name, evaluate(version, held_out))
    return 0


def _print(version: str, measured: "Evaluation") -> None:
    print(
        f"{version:8}{measured.accuracy:9.1%}{measured.null_share:8.1%}"
        f"{measured.failed_share:8.1%}{measured.mean_confidence:12.3f}"
        f"{measured.p95_latency_ms:8.1f}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
