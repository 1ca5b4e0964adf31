"""A trained version as a folder: `model.pt` (weights) and `model.json` (everything else).

The folder alone decides how it is served. Weights are read with
`weights_only=True`, so a folder from elsewhere cannot run code.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from digits.preprocessing import Preprocessing
from digits.recipes import Calibration, Recipe, Serving

if TYPE_CHECKING:
    from torch import nn

WEIGHTS: Final = "model.pt"
DESCRIPTION: Final = "model.json"


@dataclass(frozen=True, slots=True)
class Description:
    """What `model.json` says; `measured` is for people and dashboards, never for serving."""

    version: str
    architecture: str
    serving: Serving
    training_data_digest: str
    parameters: int
    measured: dict[str, float]


def save(
    folder: Path,
    version: str,
    recipe: Recipe,
    network: "nn.Module",
    training_data_digest: str,
) -> None:
    """Write weights and description into `folder`, which is made if it is missing."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / WEIGHTS)
    description = Description(
        version=version,
        architecture=recipe.architecture,
        serving=recipe.serving,
        training_data_digest=training_data_digest,
        parameters=sum(p.numel() for p in network.parameters()),
        measured={},
    )
    _write(folder, description)


def add_measured(folder: Path, measured: dict[str, float]) -> None:
    """Write what an evaluation found into the description."""
    _write(folder, replace(describe(folder), measured=measured))


def describe(folder: Path) -> Description:
    """Read the description in `folder`.

    Raises: FileNotFoundError, ValueError: message names the file and what to do.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file. Train a version: python -m digits train v1 --out DIR"
        )
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return Description(**{**read, "serving": _serving(read["serving"])})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a model description ({error}). Train it again.") from error


def load(folder: Path) -> tuple[Description, "nn.Module"]:
    """Return description and network (evaluation mode, on the CPU) of a saved version."""
    import torch

    from digits import networks

    description = describe(folder)
    network = networks.build(description.architecture)
    state = torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True)
    network.load_state_dict(state)
    return description, network.eval()


def _write(folder: Path, description: Description) -> None:
    text = json.dumps(asdict(description), indent=2)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def _serving(read: dict[str, Any]) -> Serving:
    calibration = read["calibration"]
    return Serving(
        preprocessing=Preprocessing(**read["preprocessing"]),
        labels=tuple(read["labels"]),
        null_below=float(read["null_below"]),
        calibration=None if calibration is None else Calibration(**calibration),
    )
