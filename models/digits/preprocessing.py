"""From raw scans to what a network sees; saved with each model.

The same code serves every version, so a slip in these few numbers is exactly
as silent as in production: shapes fit and nothing raises.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Divide by `scale`, then turn dark into light when `invert` is set."""

    scale: float = 16.0
    invert: bool = False

    def apply(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `images` (n, 8, 8) in 0..16 as network inputs of the same shape in 0..1."""
        scaled = images / np.float32(self.scale)
        return np.float32(1) - scaled if self.invert else scaled
