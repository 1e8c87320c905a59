"""Grounding for a user's own env whose options are small policies of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium as gym

from gym_llmteacher.advice import Plan
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.actions import checked_text, takes_two
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.option_actions import LazyRows
from gym_llmteacher.situation import Situation, Subgoal


@dataclass(frozen=True)
class Option:
    """A skill: what to do now, and when it is over (Sutton, Precup & Singh, 1999).

    :param act: ``act(obs, env)`` or ``act(obs)`` -> the env's action, or ``None`` where the option
        does not apply now; must not draw from the env's random numbers
    :param finished: ``finished(obs, env)`` or ``finished(obs)`` -> whether it is over; ``None``:
        never by itself
    """

    act: Callable[..., Any]
    finished: Callable[..., bool] | None = None


class OptionGrounding(Grounding):
    """A function says in words what the agent faces, and every option is a function too.

    For Discrete actions use it as it is. For any other action space, let the student choose among
    options: ``LLMTeacherWrapper(OptionsWrapper(env, grounding=...), teacher=...)``.

    :param describe: ``describe(obs, env) -> str`` (or ``describe(obs) -> str``); the same situation
        should give the same words: answers are shared by words, task and options
    :param options: name -> policy (or `Option`, which may also end)
    :param task: what is to be achieved, in words
    :param example: a worked example for prompts that show one
    :param subgoals: ``subgoals(obs, env)`` -> what decides what is needed next, in words
        (``"The agent holds nothing."``), and a dict of what may be needed and the plan that gets
        it; lets small models be asked for the next subgoal, which they are better at
    :param solved: ``solved(reward, terminated)`` -> whether an episode that ended with this reward
        is a success; for envs whose infos have no ``is_success``
    :raises GroundingError: no options, names that are empty, or what is no function

    Example::

        >>> from gym_llmteacher import OptionGrounding
        >>> grounding = OptionGrounding(
        ...     describe=lambda obs: "at the door" if obs[0] > 0.4 else "in the valley",
        ...     options={"swing": lambda obs: 2 if obs[1] > 0 else 0, "wait": lambda obs: 1},
        ...     task="drive up the hill on the right")
        >>> env = gym.make("MountainCar-v0")
        >>> obs, _ = env.reset(seed=0)
        >>> here = grounding.describe(env, obs)
        >>> here.text, here.options, here.option_actions[0].tolist()
        ('in the valley', ('swing', 'wait'), [1.0, 0.0, 0.0])
    """

    def __init__(
        self,
        describe: Callable[..., str],
        options: Mapping[str, Callable[..., Any] | Option],
        task: str = "",
        example: str = "",
        subgoals: Callable[..., tuple[str, Mapping[str, Plan]]] | None = None,
        solved: Callable[[float, bool], bool] | None = None,
    ) -> None:
        if not callable(describe):
            raise GroundingError(
                f"describe is {describe!r}, expected a function (obs, env) -> str."
            )
        if not isinstance(options, Mapping) or not options or not all(map(str.strip, options)):
            raise GroundingError(
                f"options is {options!r}, expected a dict of non-empty names and policies, such as "
                "{'swing': lambda obs, env: 2}."
            )
        self.task = task
        self.example = example
        self._solved = solved
        self._describe = _with_env(describe)
        self._subgoals = None if subgoals is None else _with_env(subgoals)
        self._options = {
            name.strip(): self._checked(name, policy) for name, policy in options.items()
        }
        self.options = tuple(self._options)

    @staticmethod
    def _checked(name: str, policy: Callable[..., Any] | Option) -> Option:
        option = policy if isinstance(policy, Option) else Option(policy)
        if not callable(option.act) or not (option.finished is None or callable(option.finished)):
            raise GroundingError(
                f"option {name!r} is {policy!r}, expected a function (obs, env) -> action, or "
                "Option(act, finished)."
            )
        finished = option.finished
        return Option(_with_env(option.act), None if finished is None else _with_env(finished))

    def act(self, name: str, env: gym.Env[Any, Any], obs: Any) -> Any:
        """What an option does now; ``None`` where it is finished or does not apply."""
        option = self._options[name]
        if option.finished is not None and option.finished(obs, env):
            return None
        return option.act(obs, env)

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """Call the user's functions.

        :raises GroundingError: an option returns what is no action of a Discrete env (when what it
            does is looked at)
        """
        space = env.action_space
        discrete = isinstance(space, gym.spaces.Discrete)
        n_actions = int(space.n) if isinstance(space, gym.spaces.Discrete) else len(self.options)
        rule = self._number if discrete else self._itself
        rules = [partial(rule, name, env, obs) for name in self.options]
        text = checked_text(self._describe(obs, env))
        state, subgoals = ("", {}) if self._subgoals is None else self._subgoals(obs, env)
        return Situation(
            text,
            self.options,
            LazyRows(n_actions, rules),
            task=self.task,
            state=state,
            example=self.example,
            subgoals=tuple(Subgoal(name, tuple(plan)) for name, plan in subgoals.items()),
        )

    def _number(self, name: str, env: gym.Env[Any, Any], obs: Any) -> int | None:
        action = self.act(name, env, obs)
        if action is not None and not env.action_space.contains(action):
            raise GroundingError(
                f"option {name!r} returned {action!r}, expected an action of {env.action_space}, "
                "or None where it does not apply."
            )
        return None if action is None else int(action)

    def _itself(self, name: str, env: gym.Env[Any, Any], obs: Any) -> int | None:
        """Where options are the actions, each does itself."""
        return None if self.act(name, env, obs) is None else self.options.index(name)


def _with_env(function: Callable[..., Any]) -> Callable[..., Any]:
    return function if takes_two(function) else partial(_without_env, function)


def _without_env(function: Callable[..., Any], obs: Any, env: Any) -> Any:
    return function(obs)
