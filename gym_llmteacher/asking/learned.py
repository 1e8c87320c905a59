"""What was learned about when to ask, as a condition for every wrapper."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from gym_llmteacher.advising.conditions import Condition, Moment
from gym_llmteacher.asking.observation import CHANGE, EXHAUSTED, OBSERVATION, asker_observation
from gym_llmteacher.errors import ConditionError

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


class LearnedAsk(Condition):
    """Asks where a model asks that was trained in an `AskingWrapper` (arXiv 2306.03604).

    It holds a copy of the model, and so works in subprocess envs, and when the file is gone. Load
    files of people you trust only: a saved model of Stable-Baselines3 can run code.

    :param asker: path of a saved model, or a model
    :param algorithm: class of a saved model; ``None``: ``stable_baselines3.PPO``
    :param deterministic: whether it does what is most likely, or draws
    :raises ConditionError: there is no such file, it is no saved model, or one that was not trained
        in an `AskingWrapper`; when asked: the observation is not of the shape it was trained with

    Example::

        >>> from stable_baselines3 import PPO
        >>> from gym_llmteacher import AskingWrapper, LLMTeacherWrapper
        >>> task, planner = "LLMTeacher/SimpleDoorKey-v0", "script:door_key_planner"
        >>> asker = PPO("MultiInputPolicy", AskingWrapper(gym.make(task), planner))
        >>> env = LLMTeacherWrapper(gym.make(task), planner, ask=LearnedAsk(asker))
    """

    name = "learned"
    looks_back = True

    def __init__(
        self,
        asker: str | os.PathLike[str] | BaseAlgorithm,
        algorithm: type[BaseAlgorithm] | None = None,
        deterministic: bool = True,
    ) -> None:
        self.deterministic = bool(deterministic)
        self._model: BaseAlgorithm | None = None
        if isinstance(asker, (str, os.PathLike)):
            self._algorithm, self._saved = algorithm, _read(Path(asker))
        else:
            if not hasattr(asker, "save"):
                raise ConditionError(
                    f"LearnedAsk got {asker!r}, expected a saved model's path, or a model of "
                    "Stable-Baselines3."
                )
            buffer = io.BytesIO()
            asker.save(buffer)
            self._algorithm, self._saved = type(asker), buffer.getvalue()
        self._check(self._loaded())

    def holds(self, moment: Moment) -> bool:
        """Whether the model asks now."""
        model = self._loaded()
        space: Any = model.observation_space
        seen = asker_observation(space, moment.obs, moment.last_obs, moment.exhausted)
        action, _ = model.predict(seen, deterministic=self.deterministic)
        return bool(int(action) == 1)

    def _loaded(self) -> BaseAlgorithm:
        if self._model is None:
            from stable_baselines3 import PPO

            try:
                algorithm = self._algorithm or PPO
                self._model = algorithm.load(io.BytesIO(self._saved), device="cpu")
            except Exception as error:
                raise ConditionError(
                    f"LearnedAsk could not load the asker ({type(error).__name__}: {error}), "
                    "expected what model.save(...) wrote. Cure: algorithm=DQN or whichever it was."
                ) from error
        return self._model

    @staticmethod
    def _check(model: BaseAlgorithm) -> None:
        space = model.observation_space
        keys = set(space) if isinstance(space, gym.spaces.Dict) else set()
        two = isinstance(model.action_space, gym.spaces.Discrete) and model.action_space.n == 2
        if not two or keys != {OBSERVATION, CHANGE, EXHAUSTED}:
            raise ConditionError(
                f"the asker was trained with {space} and {model.action_space}, expected those of "
                "an AskingWrapper. Cure: PPO('MultiInputPolicy', AskingWrapper(env, teacher))."
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}  # optimizers and schedules need not travel


def _read(path: Path) -> bytes:
    for known in (path, path.with_name(f"{path.name}.zip")):
        if known.is_file():
            return known.read_bytes()
    raise ConditionError(
        f"there is no asker at {str(path)!r}, expected a file. Cure: train one in an AskingWrapper "
        "and save it: model.save('asker.zip')."
    )
