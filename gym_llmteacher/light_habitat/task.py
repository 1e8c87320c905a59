"""The task, with its abstract problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from habitat.core.embodied_task import EmbodiedTask
from habitat.core.registry import registry

from gym_llmteacher.light_habitat.pddl import Problem


@registry.register_task(name="LightPddlTask-v0")
class LightPddlTask(EmbodiedTask):
    """Stands where ``RearrangePddlTask-v0`` does."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        spec = Path(config.task_spec_base_path) / f"{config.task_spec}.yaml"
        self.pddl_problem = Problem(str(spec))
        self._episode_id = ""
        super().__init__(config=config, **kwargs)

    def reset(self, episode: Any) -> Any:
        self._episode_id = episode.episode_id
        self._is_episode_active = True
        if self._sim.manners.random_start:
            self._sim.start_anywhere()
        self.pddl_problem.bind_to_instance(self._sim, self)
        for action in self.actions.values():
            action.reset()  # the first observation is of this episode, not of the last one's end
        return super().reset(episode)

    def end(self) -> None:
        """End the episode with this step."""
        self._is_episode_active = False

    def _check_episode_is_active(self, *args: Any, **kwargs: Any) -> bool:
        return True
