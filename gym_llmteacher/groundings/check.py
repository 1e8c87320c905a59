"""Tell in words what is wrong with a grounding, before a training is spent on it."""

from __future__ import annotations

import pickle
import random
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np
from gymnasium.spaces import Discrete

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.chosen import ChosenOptions
from gym_llmteacher.groundings.policies import OptionGrounding
from gym_llmteacher.groundings.registry import check_actions
from gym_llmteacher.groundings.registry import check_grounding as check_names
from gym_llmteacher.situation import Situation, checked_option_actions
from gym_llmteacher.wrappers.options import OptionsWrapper

_LONG = 4_000
_FEW_STEPS = 100


def check_grounding(
    env: gym.Env[Any, Any], grounding: Grounding, steps: int = 300, seed: int = 0
) -> list[str]:
    """Play randomly and look at every situation the grounding makes of it.

    :param env: the env that is to be wrapped (it is reset and stepped)
    :param grounding: how to describe it; where actions are not Discrete, an `OptionGrounding`,
        which is looked at through `OptionsWrapper`
    :param steps: random steps to take
    :param seed: of the env and of the actions
    :return: what is wrong, one sentence or two each; empty when nothing is

    Example::

        >>> from gym_llmteacher import ActionGrounding
        >>> from gym_llmteacher.testing import check_grounding
        >>> env = gym.make("FrozenLake-v1")
        >>> grounding = ActionGrounding(lambda obs: f"cell {obs}", ["left", "down", "right"],
        ...                             task="reach cell 15")
        >>> for problem in check_grounding(env, grounding):
        ...     print(problem)  # doctest: +ELLIPSIS
        3 action names (left, down, right) for an env with 4 actions; expected one name per ...
    """
    if isinstance(grounding, OptionGrounding) and not isinstance(env.action_space, Discrete):
        env = OptionsWrapper(env, grounding=grounding)
    if isinstance(grounding, OptionGrounding) and ChosenOptions.supports(env):
        grounding = ChosenOptions()
    try:
        check_actions(env, several=False)
        check_names(grounding, env)
    except GroundingError as error:
        return [str(error)]
    check = _Check(env, grounding)
    try:
        trace = check.play(steps, seed)
    except GroundingError as error:
        return [*check.problems, str(error)]
    check.same_without(trace, seed)
    check.whole()
    return check.problems


class _Check:
    """What was seen of a grounding so far."""

    def __init__(self, env: gym.Env[Any, Any], grounding: Grounding) -> None:
        self.env, self.grounding = env, grounding
        self.problems: list[str] = []
        self._n_actions = int(env.action_space.n)  # type: ignore[attr-defined]
        self._questions: dict[str, tuple[Any, ...]] = {}
        self._acted: dict[str, bool] = {}
        self._steps = 0

    def tell(self, problem: str) -> None:
        """Add a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def play(self, steps: int, seed: int) -> list[tuple[Any, ...]]:
        """Random play; returns actions, and what they led to."""
        env, grounding = self.env, self.grounding
        rng = np.random.default_rng(seed)
        obs, _ = env.reset(seed=seed)
        grounding.reset(env)
        grounding.observe(env, obs)
        self.look(obs)
        trace: list[tuple[Any, ...]] = []
        for self._steps in range(1, steps + 1):
            action = int(rng.integers(self._n_actions))
            obs, reward, terminated, truncated, _ = env.step(action)
            trace.append((action, obs, reward, terminated, truncated))
            grounding.observe(env, obs, action)
            if terminated or truncated:
                obs, _ = env.reset()
                grounding.reset(env)
                grounding.observe(env, obs)
            self.look(obs)
        return trace

    def look(self, obs: Any) -> None:
        """Describe an observation, twice."""
        generators = self._generators()
        here = self._describe(obs)
        rows = np.array(here.option_actions)
        again = self._describe(obs)
        for name, before, after in zip(_GENERATORS, generators, self._generators(), strict=True):
            if before != after:
                self.tell(
                    f"describe draws random numbers from {name}: runs could not be repeated, and "
                    "the env is no longer the same. Use a generator of your own, or none."
                )
        if here.text != again.text or not np.array_equal(rows, np.array(again.option_actions)):
            self.tell(
                f"one observation was described in two ways, {here.text!r} and {again.text!r} (or "
                "its options did two things): the text may depend on nothing but the state."
            )
        question = (here.task, here.state, here.options, here.subgoals)
        if self._questions.setdefault(here.text, question) != question:
            self.tell(
                f"two situations read {here.text!r} but differ in task, options or "
                "subgoals: the model is asked about each. Say in the text what tells them apart."
            )
        for option, row in zip(here.options, rows, strict=True):
            self._acted[option] = self._acted.get(option, False) or bool(row.any())

    def _describe(self, obs: Any) -> Situation:
        here = self.grounding.describe(self.env, obs)
        if not isinstance(here, Situation):
            raise GroundingError(
                f"describe returned {here!r}, expected a Situation(text, options, option_actions)."
            )
        if not here.options or len(set(here.options)) != len(here.options):
            raise GroundingError(
                f"the options are {here.options!r}, expected distinct names, at least one."
            )
        checked_option_actions(here.option_actions, len(here.options), self._n_actions)
        return here

    def _generators(self) -> tuple[Any, ...]:
        own = self.env.unwrapped.np_random.bit_generator.state
        legacy = np.random.get_state(legacy=False)
        assert isinstance(legacy, dict)
        key = legacy["state"]["key"].tobytes(), legacy["state"]["pos"], legacy["gauss"]
        return repr(own), random.getstate(), key

    def same_without(self, trace: list[tuple[Any, ...]], seed: int) -> None:
        """Play the same actions without the grounding: nothing may come out differently."""
        self.env.reset(seed=seed)
        for number, (action, obs, *rest) in enumerate(trace, 1):
            other, *others = self.env.step(action)[:4]
            if not _equal(obs, other) or rest != others:
                self.tell(
                    f"the env behaves differently when it is described: after {number} random "
                    f"steps it returned {obs!r} with and {other!r} without. describe must only "
                    "look."
                )
                return
            if others[1] or others[2]:
                self.env.reset()

    def whole(self) -> None:
        """What shows only when everything has been seen."""
        texts = list(self._questions)
        for option, acted in self._acted.items():
            if not acted:
                self.tell(
                    f"option {option!r} never acted in {self._steps} random steps: it returned no "
                    "action in any situation. Is its condition ever true?"
                )
            if set(option) & set(",{}\n"):
                self.tell(
                    f"option {option!r} has a comma, a brace or a line break in its name, which "
                    "plans are made of: a model's answer could not be read. Leave it out."
                )
        if len(texts) > max(_FEW_STEPS, 0.9 * self._steps):
            self.tell(
                f"{len(texts)} different texts in {self._steps} steps, such as {texts[-1]!r}: "
                "nearly every step would be a question to the model. Round numbers, and leave out "
                "what does not matter."
            )
        longest = max(texts, key=len)
        if len(longest) > _LONG:
            self.tell(
                f"a text is {len(longest):,} characters long, expected at most {_LONG:,}: every "
                "character is paid for."
            )
        if not any(question[0] for question in self._questions.values()):
            self.tell(
                "task is empty: a language model is not told what to achieve. Pass task='...'."
            )
        try:
            cloudpickle.dumps(self.grounding)
        except (TypeError, pickle.PicklingError) as error:
            self.tell(
                f"the grounding cannot be sent to another process ({error}): SubprocVecEnv will "
                "fail. Keep no open files, locks or generators in it."
            )


_GENERATORS = ("the env's random numbers", "Python's random module", "numpy.random")


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, tuple):
        return all(_equal(a, b) for a, b in zip(one, other, strict=True))
    return bool(np.array_equal(one, other))
