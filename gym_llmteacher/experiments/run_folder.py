"""The folder of a training: never an earlier one's by accident."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from gym_llmteacher.errors import CheckpointError
from gym_llmteacher.experiments.checkpoint import FILE
from gym_llmteacher.experiments.config import ComparisonConfig
from gym_llmteacher.shown import shown

_OF_A_RUN = (FILE, "config.json", "results.*", "curve.png", "student.gif", "teacher-*.zip",
             "ppo-*.zip")  # fmt: skip


def default_folder(env_id: str) -> Path:
    """Where a training of this env writes to if nobody says.

    >>> default_folder("LLMTeacher/SimpleDoorKey-v0").as_posix()
    'runs/SimpleDoorKey-v0'
    """
    return Path("runs") / env_id.rpartition("/")[2].replace(":", "-")


def made(folder: Path) -> Path:
    """The folder, which is there and can be written.

    :raises CheckpointError: it cannot be made
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".lock").touch()
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be written ({error.strerror}); expected a folder. "
            "Cure: name another with --out."
        ) from None
    return folder


def check_free(folder: Path) -> None:
    """Refuse a folder that a training has written to.

    :raises CheckpointError: it has a run in it
    """
    if not any(folder.glob(FILE)) and not any(folder.glob("config.json")):
        return
    env = env_of(folder) or "another env"
    raise CheckpointError(
        f"{folder} has a training of {shown(env)[:100]} in it, which this one would overwrite. "
        "Cure: go on with that one (--resume), write elsewhere (--out FOLDER), or say that it may "
        "go (--overwrite)."
    )


def env_of(folder: Path) -> str | None:
    """The env of the training in this folder, if there is one that says so."""
    try:
        return str(json.loads((folder / "config.json").read_text())["env"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def config_of(folder: Path) -> ComparisonConfig | None:
    """The settings of the training in this folder, wherever it has been moved to."""
    try:
        config = ComparisonConfig.from_json((folder / "config.json").read_text())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return dataclasses.replace(config, out=str(folder))


def clear(folder: Path) -> None:
    """Remove what a training has written; what the teacher said was paid for, and stays."""
    for pattern in _OF_A_RUN:
        for path in folder.glob(pattern):
            path.unlink()
