"""Students that were saved, and what they need around an env to play in it."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import gymnasium as gym
from stable_baselines3 import PPO

from gym_llmteacher.errors import ModelUnavailableError
from gym_llmteacher.experiments.run_folder import config_of
from gym_llmteacher.experiments.teaching import Wrap, guided_play
from gym_llmteacher.subgoals.keys import OBSERVATION, SUBGOAL


def load_student(path: Path) -> PPO:
    """Load what ``TeacherPPO.save`` or ``PPO.save`` wrote.

    :raises ModelUnavailableError: there is no such file, or it is not a saved model
    """
    if not path.is_file() and not path.with_name(f"{path.name}.zip").is_file():
        raise ModelUnavailableError(
            f"there is no {path}; expected a zip saved by TeacherPPO.save or PPO.save, such as "
            "runs/SimpleDoorKey-v0/teacher-0.zip."
        )
    try:
        return PPO.load(path, device="cpu")
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ModelUnavailableError(
            f"{path} cannot be loaded as a student ({error}); expected a zip saved by "
            "TeacherPPO.save or PPO.save."
        ) from None


def takes_subgoals(model: PPO) -> bool:
    """Whether a student was trained in a `SubgoalWrapper`."""
    space = model.observation_space
    return isinstance(space, gym.spaces.Dict) and set(space) == {OBSERVATION, SUBGOAL}


def played_in(model: PPO, path: Path, shown: bool = True) -> Wrap:
    """Return a function that wraps an env as this student knows it.

    Subgoals are those of its training. No language model is asked: what it has said there stands,
    and where it has said nothing, there is no subgoal.

    :param path: where the student was loaded from
    :param shown: whether it is shown subgoals, if it takes some
    :raises ModelUnavailableError: it takes subgoals, and nothing beside it says which
    """
    if not takes_subgoals(model):
        return lambda env: env
    config = config_of(path.parent)
    if config is None or config.teaching.subgoals is None:
        raise ModelUnavailableError(
            f"{path} was trained with subgoals, and no config.json beside it says which; expected "
            "the folder of its training. Cure: leave it there, or play it in Python, in a "
            "SubgoalWrapper."
        )
    return guided_play(config, shown, offline=True)
