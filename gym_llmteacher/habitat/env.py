"""A robot in habitat-lab as a Gymnasium env."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.habitat.controls import PRIMITIVES, Controls
from gym_llmteacher.habitat.draw import scene
from gym_llmteacher.habitat.entities import actions_of, forget_targets
from gym_llmteacher.habitat.fruitless import Fruitless
from gym_llmteacher.habitat.observations import Observations
from gym_llmteacher.habitat.opening import hab_gym, release
from gym_llmteacher.habitat.seeding import order_episodes, settle
from gym_llmteacher.habitat.skills import option_names, split_option
from gym_llmteacher.habitat.world import World

_BESIDE = 2.0  # metres; habitat-lab's own threshold of robot_at
_UNBOUNDED = 1e6  # slots of abstract actions go to 3.4e38, and a fraction in them is an error
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
        ``Discrete``, drive, turn, grasp, release; ``"raw"``: the flat Box of habitat-lab without
        its unbounded slots (oracle navigation, abstract actions)
    :param objects: words for objects (``"apple"``), compared with the simulator's handles;
        ``"all"``: those of all episodes; empty: only the entities of the task's specification, by
        their own names (``"goal0|0"``)
    :param places: words for receptacles; ``"all"``: those of the first scene
    :param render_mode: ``"rgb_array"``: map from above and depth view; or ``None``
    :raises HabitatMissingError: habitat-lab or habitat-sim is not installed
    :raises GroundingError: unknown ``actions``, a task without PDDL, several robots, a config whose
        actions lack what the chosen ones need, or a second env on the real simulator in one process

    Change log: 0.1.0 - added.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 8}

    def __init__(
        self,
        env: Any,
        actions: str = "options",
        objects: Sequence[str] | str = (),
        places: Sequence[str] | str = (),
        render_mode: str | None = None,
    ) -> None:
        if actions not in ACTIONS:
            raise GroundingError(f"actions is {actions!r}, expected one of {', '.join(ACTIONS)}.")
        self._gym = hab_gym(env)
        self.habitat: Any = self._gym.unwrapped.habitat_env
        """The ``habitat.Env``."""
        self.render_mode = render_mode
        self.mode = actions
        self.world = World(self.habitat, objects, places)
        self.controls = Controls(self._gym.original_action_space)
        self.options = option_names(self.world.objects, self.world.places)
        """Names of the options; those that do not apply now take a step and do nothing."""
        self._skills = [split_option(name) for name in self.options]
        self._observations = Observations(
            self._gym.observation_space, self.world.objects if objects else ()
        )
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
        self._end_on_success = bool(config.task.end_on_success)
        self._fruitless = Fruitless()
        self._closed = False
        if actions == "primitives":
            drive, arm = config.task.actions.base_velocity, config.task.actions.arm_action
            frequency = float(config.simulator.ctrl_freq)
            self.step_length = float(drive.lin_speed) / frequency
            self.turn_angle = float(drive.ang_speed) / frequency
            self.reach = float(arm.grasp_thresh_dist)

    def _space(self) -> gym.Space[Any]:
        if self.mode == "raw":
            box = self._gym.action_space
            self._offered = np.abs(box.high) < _UNBOUNDED
            return gym.spaces.Box(box.low[self._offered], box.high[self._offered], dtype=np.float32)
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
            order_episodes(self.habitat, seed)
        settle(self.habitat, seed, self.np_random)
        obs, metrics = self._gym.reset(return_info=True)
        self.world.refresh()
        self._fruitless = Fruitless()
        return self._observations.read(obs, self.world.target), self._info(metrics)

    def step(
        self, action: Any
    ) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        """One control step."""
        before = self._place()
        obs, reward, done, metrics = self._gym.step(self._vector(action))
        if self.mode == "options":
            self._note_arrival(int(action))
        after = self._place()
        if self._counts(action):
            self._fruitless.note(int(action), before, after)
        if before[2] is not None and after[2] is None:
            forget_targets(self.habitat.task)  # it lies elsewhere now
        info = self._info(metrics)
        ended = info["is_success"] and self._end_on_success
        late = bool(self.habitat._past_limit() and self.habitat.task.is_episode_active)
        truncated = bool(done) and late and not ended
        converted = self._observations.read(obs, self.world.target)
        return converted, float(reward), bool(done) and not truncated, truncated, info

    def _counts(self, action: Any) -> bool:
        """Whether it would be in vain if nothing changed: not to wait, and not to arrive."""
        if self.mode == "options":
            skill, word = self._skills[int(action)]
            return skill != "wait" and not (skill == "navigate" and word == self.world.arrived)
        return self.mode == "primitives"

    def _place(self) -> tuple[list[float], float, str | None]:
        robot = self.world.robot
        position = [float(x) for x in robot.base_pos]
        return position, float(robot.base_rot), self.world.holding

    def _info(self, metrics: dict[str, Any]) -> dict[str, Any]:
        return {**metrics, "is_success": bool(metrics[self._success])}

    def _vector(self, action: Any) -> NDArray[np.float32]:
        if self.mode == "raw":
            vector = np.zeros(self.controls.size, np.float32)
            vector[self._offered] = action
            return vector
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
        navigation, abstract = actions_of(self.habitat.task)
        if skill == "navigate" and self.world.present(word):
            self.world.arrived = word if navigation.skill_done else None
        elif skill == "pick" and abstract.was_prev_action_invalid and word == self.world.arrived:
            self.world.arrived = None
            forget_targets(self.habitat.task)  # it stopped out of reach: try another place

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
        action = self._next_action(*split_option(option))
        return None if action in self._fruitless.at(self._place()) else action

    def _next_action(self, skill: str, word: str) -> int | None:
        holding = self.world.holding
        if skill == "wait":
            return self.options.index(skill) if self.mode == "options" else None
        if skill == "drop":
            applies = holding is not None
        elif skill == "pick":
            applies = holding is None and self.world.present(word) and self.at(word)
        else:
            applies = self.world.present(word) and holding != word and not self.at(word)
        if not applies:
            return None
        if self.mode == "options":
            names = {"navigate": f"navigate to {word}", "pick": f"pick {word}"}
            return self.options.index(names.get(skill, skill))
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
        """Close the simulator; a second time does nothing."""
        if not self._closed:
            self._closed = True
            self._gym.close()
            release(self._gym)
