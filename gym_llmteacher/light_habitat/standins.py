"""Import habitat-lab where its simulator is absent.

Four modules of habitat-lab's own import magnum unguarded on the way to ``import habitat``.
Stand-ins for exactly these are put into ``sys.modules``: the packages keep their real path, their
registration hooks do nothing, and the batch renderer refuses. Nothing imitates habitat_sim, and
nothing is touched where habitat_sim and magnum can be imported.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gym_llmteacher.errors import HabitatMissingError
from gym_llmteacher.habitat.lab import check_lab, has_simulator


class _NoRenderer:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise HabitatMissingError(
            "batch rendering needs habitat-sim, which is not installed. Cure: set "
            "habitat.simulator.renderer.enable_batch_renderer to False."
        )


def _no_registration() -> None:
    """The classes that would be registered cannot be imported."""


def _no_timing(name: str | None = None) -> Callable[[Any], Any]:
    return lambda function: function


def stand_in() -> bool:
    """Make ``import habitat`` possible.

    :return: whether stand-ins were needed
    :raises HabitatMissingError: habitat-lab is not installed
    """
    check_lab()
    if has_simulator() or "habitat" in sys.modules:
        return False
    spec = importlib.util.find_spec("habitat")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    _put(root, "habitat.sims.habitat_simulator", _try_register_habitat_sim=_no_registration)
    _put(root, "habitat.tasks.rearrange", _try_register_rearrange_task=_no_registration)
    _put(root, "habitat.tasks.rearrange.rearrange_sim", add_perf_timing_func=_no_timing)
    _put(root, "habitat.core.batch_rendering.env_batch_renderer", EnvBatchRenderer=_NoRenderer)
    return True


def _put(root: Path, name: str, **contents: Any) -> None:
    module = types.ModuleType(name, "Stand-in: habitat-sim is not installed.")
    folder = root.joinpath(*name.split(".")[1:])
    if folder.is_dir():
        module.__path__ = [str(folder)]
    vars(module).update(contents)
    sys.modules[name] = module
