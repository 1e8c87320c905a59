"""Import habitat-lab, or say how to get it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

from gym_llmteacher.errors import HabitatMissingError

PIP_LINE = 'pip install "gym-llmteacher[habitat]"'
SIM_PAGE = "https://github.com/facebookresearch/habitat-sim#installation"


def check_lab() -> None:
    """Check that habitat-lab is installed.

    :raises HabitatMissingError: with the line that installs it
    """
    if "habitat" not in sys.modules and importlib.util.find_spec("habitat") is None:
        raise HabitatMissingError(
            f"habitat-lab is not installed, expected it for Habitat envs. Cure: {PIP_LINE} "
            "(Python 3.12 or older, in a virtual environment of its own: it needs numpy 1.26)."
        )


def has_simulator() -> bool:
    """Whether the real simulator can be imported."""
    return all(importlib.util.find_spec(name) for name in ("habitat_sim", "magnum"))


def import_lab(name: str = "habitat") -> Any:
    """Import a module of habitat-lab.

    habitat-lab imports its simulator on the way, so without it there is nothing to import, unless
    ``gym_llmteacher.light_habitat`` was imported before.

    :raises HabitatMissingError: habitat-lab or habitat-sim is not installed
    """
    check_lab()
    if "habitat" not in sys.modules and not has_simulator():
        raise HabitatMissingError(
            "habitat-sim is not installed, and habitat-lab cannot be imported without it. Cure: "
            f"build it from source into this environment ({SIM_PAGE}; docs/habitat.md says what "
            "was built), or, to go on with the light simulator of this package, write `import "
            "gym_llmteacher.light_habitat` first."
        )
    return importlib.import_module(name)
