"""A robot in habitat-lab as a Gymnasium env."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.habitat.controls import PRIMITIVES, Controls
from gym_llmteacher.habitat.draw import scene
from gym_llmteacher.habitat.lab import import_lab
from gym_llmteacher.habitat.observations import Observations
from gym_llmteacher.habitat.world import World

_BESIDE = 2.0  # metres; habitat-lab's own threshold of robot_at
ACTIONS = ("options", "primitives", "raw")


class HabitatEnv(gym.Env[dict[str, NDArray[Any]], Any]):
    """A PDDL task of habitat-lab with actions for a student and options for a teacher.

    Under it are habitat-lab's own ``Env``, ``RLTaskEnv`` and ``HabGymWrapper``. Observations are a
    Dict: pictures under their own names (``head_depth``, float32 ``(h, w, 1)``), all else in
    ``state``, float32 ``(n,)``, metres, angles as cosine and sine; with ``objects`` also ``goal``,
    one-hot. ``terminated`` is the task's end, ``truncated`` its step limit;
    ``info["is_success"]`` its success measure.

    :param env: path of a config, a composed config, a ``habitat.Env``, or a gym env that
        habitat-lab made of one
    :param actions: what the student does. ``"options"``: ``Discrete``, one control step of an
        option per env step (`OptionsWrapper` carries them out to their end); ``"primitives"``:
        ``Discrete``, drive, turn, grasp, release; ``"raw"``: the flat Box of habitat-lab
    :param objects: words for objects (``"apple"``), compared with the simulator's handles; empty:
        entities go by their own names (``"goal0|0"``)
    :param places: words for receptacles
    :param render_mode: ``"rgb_array"``: map from above and depth view; or ``None``
    :raises HabitatMissingError: habitat-lab or habitat-sim is not installed
    :raises GroundingError: unknown ``actions``, a task without PDDL, or a config whose actions lack
        what the chosen ones need

    Change log: 0.1.0 - added.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 8}

    def __init__(
        self,
        env: Any,
        actions: str = "options",
        objects: Sequence[str] = (),
        places: Sequence[str] = (),
        render_mode: str | None = None,
    ) -> None:
        if actions not in ACTIONS:
            raise GroundingError(f"actions is {actions!r}, expected one of {', '.join(ACTIONS)}.")
        self._gym = _hab_gym(env)
        self.habitat: Any = self._gym.unwrapped.habitat_env
        """The ``habitat.Env``."""
        self.render_mode = render_mode
        self.mode = actions
        self.world = World(self.habitat, objects, places)
        self.controls = Controls(self._gym.original_action_space)
        self.options = self._option_names()
        """Names of the options; those that do not apply now take a step and do nothing."""
        self._skills = [split_option(name) for name in self.options]
        self._observations = Observations(self._gym.observation_space, tuple(objects))
        self.observation_space: Any = self._observations.space
        self.state_slots = self._observations.slots
        """Where each sensor lies in ``state``."""
        self.action_space = self._space()
        if actions == "raw":
            self.action_names: tuple[str, ...] = ()
        else:
            self.action_names = self.options if actions == "options" else PRIMITIVES
        config = self.habitat._config
        self._success: str = config.task.success_measure
        if actions == "primitives":
            drive, arm = config.task.actions.base_velocity, config.task.actions.arm_action
            frequency = float(config.simulator.ctrl_freq)
            self.step_length = float(drive.lin_speed) / frequency
            self.turn_angle = float(drive.ang_speed) / frequency
            self.reach = float(arm.grasp_thresh_dist)

    def _option_names(self) -> tuple[str, ...]:
        objects, places = self.world.objects, self.world.places
        return (
            *(f"navigate to {word}" for word in (*objects, *places)),
            *(f"pick {word}" for word in objects),
            "drop",
            "wait",
        )

    def _space(self) -> gym.Space[Any]:
        if self.mode == "raw":
            box = self._gym.action_space
            return gym.spaces.Box(box.low, box.high, box.shape, np.float32)
        if self.mode == "options":
            self.controls.require("grip_action", "oracle_nav_action", "pddl_action")
            return gym.spaces.Discrete(len(self.options))
        self.controls.require("grip_action", "base_vel")
        return gym.spaces.Discrete(len(PRIMITIVES))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Start the next episode; a seed also puts the episodes in an order of its own."""
        super().reset(seed=seed)
        if seed is not None:
            self._reseed(seed)
        obs, metrics = self._gym.reset(return_info=True)
        self.world.refresh()
        return self._observations.read(obs, self.world.target), self._info(metrics)

    def _reseed(self, seed: int) -> None:
        # Env.seed leaves the order of episodes alone. The iterator shuffles its list in place, so
        # it gets one of its own, always in the same order before; it takes seed 0 for no seed.
        iterator = import_lab("habitat.core.dataset").EpisodeIterator
        settings = dict(self.habitat._config.environment.iterator_options)
        episodes = sorted(self.habitat.episodes, key=lambda e: (e.scene_id, e.episode_id))
        self.habitat.seed(seed)
        self.habitat.episode_iterator = iterator(episodes, **settings, seed=seed + 1)

    def step(
        self, action: Any
    ) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        """One control step."""
        obs, reward, done, metrics = self._gym.step(self._vector(action))
        if self.mode == "options":
            self._note_arrival(int(action))
        info = self._info(metrics)
        task = self.habitat.task
        late = bool(self.habitat._past_limit() and task.is_episode_active)
        truncated = bool(done) and late and not info["is_success"]
        converted = self._observations.read(obs, self.world.target)
        return converted, float(reward), bool(done) and not truncated, truncated, info

    def _info(self, metrics: dict[str, Any]) -> dict[str, Any]:
        return {**metrics, "is_success": bool(metrics[self._success])}

    def _vector(self, action: Any) -> NDArray[np.float32]:
        if self.mode == "raw":
            return np.asarray(action, np.float32)
        holding = self.world.holding is not None
        if self.mode == "primitives":
            name = PRIMITIVES[int(action)]
            if name in ("grasp", "release"):
                return self.controls.grip(close=name == "grasp")
            lin = 1.0 if name == "move forward" else 0.0
            ang = {"turn left": 1.0, "turn right": -1.0}.get(name, 0.0)
            return self.controls.drive(lin, ang, holding)
        skill, word = self._skills[int(action)]
        index = self.world.index(word)
        if skill == "navigate" and index:
            return self.controls.navigate(index, holding)
        if skill == "pick" and index:
            entities = (index, self.world.robot_index)
            return self.controls.apply(self.world.action_offset("pick"), entities, holding)
        return self.controls.grip(close=False) if skill == "drop" else self.controls.rest(holding)

    def _note_arrival(self, action: int) -> None:
        """Finished-flags: where the robot has arrived, until it moves on or fails to pick there."""
        skill, word = self._skills[action]
        actions = self.habitat.task.actions
        if skill == "navigate" and self.world.present(word):
            self.world.arrived = word if actions["oracle_nav_action"].skill_done else None
        elif skill == "pick" and actions["pddl_apply_action"].was_prev_action_invalid:
            self.world.arrived = None if word == self.world.arrived else self.world.arrived

    def at(self, word: str) -> bool:
        """Whether the robot has arrived at a thing: it can be picked, or it is right ahead."""
        if self.mode != "primitives":
            return self.world.arrived == word
        if word in self.world.objects:
            return self.world.graspable(self.reach) == word
        distance, turn = self.world.polar(self.world.position(word))
        if distance > _BESIDE or abs(turn) > 0.6 * self.turn_angle:
            return False
        path = self.world.path(word)
        return not path or self.world.polar(path[-1])[0] < self.step_length

    def where(self) -> str | None:
        """The thing at which the robot has arrived, or ``None``."""
        if self.mode != "primitives":
            return self.world.arrived
        return self.world.graspable(self.reach) or next(
            (word for word in self.world.things if word in self.world.places and self.at(word)),
            None,
        )

    def option_action(self, option: str) -> int | None:
        """The action that an option takes now; ``None``: it is finished or does not apply.

        :raises GroundingError: the actions are raw
        """
        if self.mode == "raw":
            raise GroundingError(
                "options cannot be told in raw actions, expected actions='options' or 'primitives'."
            )
        skill, word = split_option(option)
        holding = self.world.holding
        if skill == "wait":
            return self.options.index(option) if self.mode == "options" else None
        if skill == "drop":
            applies = holding is not None
        elif skill == "pick":
            applies = holding is None and self.world.present(word) and self.at(word)
        else:
            applies = self.world.present(word) and holding != word and not self.at(word)
        if not applies:
            return None
        if self.mode == "options":
            return self.options.index(option)
        if skill == "navigate":
            return self._drive_to(word)
        return PRIMITIVES.index("grasp" if skill == "pick" else "release")

    def _drive_to(self, word: str) -> int | None:
        """Turn towards the next corner of the way, or go on."""
        path = self.world.path(word)
        if not path:
            return None
        arrived = self.world.polar(path[-1])[0] < 0.6 * self.step_length
        aim = self.world.position(word) if arrived or len(path) < 2 else path[1]
        turn = self.world.polar(aim)[1]
        if abs(turn) <= 0.55 * self.turn_angle:
            return PRIMITIVES.index("move forward")
        return PRIMITIVES.index("turn left" if turn > 0 else "turn right")

    def render(self) -> NDArray[np.uint8] | None:
        """Map from above and depth view, uint8 ``(h, w, 3)``; ``None`` without render mode."""
        if self.render_mode is None:
            return None
        return scene(self)

    @property
    def observation(self) -> dict[str, Any]:
        """The last observation as habitat-lab gave it."""
        return dict(self._gym._last_obs)

    def close(self) -> None:
        """Close the simulator."""
        self._gym.close()


def split_option(option: str) -> tuple[str, str]:
    """Skill and object of an option's name.

    >>> split_option("navigate to potted meat can"), split_option("drop")
    (('navigate', 'potted meat can'), ('drop', ''))
    """
    if option.startswith("navigate to "):
        return "navigate", option.removeprefix("navigate to ")
    skill, _, word = option.partition(" ")
    return skill, word


def _hab_gym(env: Any) -> Any:
    """Return a ``HabGymWrapper`` around whatever was given."""
    lab = import_lab()
    wrapper = import_lab("habitat.gym.gym_wrapper").HabGymWrapper
    if isinstance(env, (str, os.PathLike)):
        env = lab.get_config(os.fspath(env))
    if isinstance(env, lab.Env):
        return wrapper(_around(env))
    if hasattr(env, "unwrapped") and hasattr(env.unwrapped, "habitat_env"):
        while not isinstance(env, wrapper):
            env = env.env
        return env
    return import_lab("habitat.gym").make_gym_from_config(env).env


def _around(env: Any) -> Any:
    """A ``RLTaskEnv`` around an env that exists; its constructor would make a second one."""
    base = import_lab("habitat.core.environments").RLTaskEnv

    class Around(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            task = env._config.task
            self._core_env_config, self._env = env._config, env
            self.observation_space, self.action_space = env.observation_space, env.action_space
            self.number_of_episodes = env.number_of_episodes
            self.reward_range = (-math.inf, math.inf)
            self._reward_measure_name = task.reward_measure
            self._success_measure_name = task.success_measure
            self._slack_reward, self._success_reward = task.slack_reward, task.success_reward
            self._end_on_success = task.end_on_success

    return Around()
