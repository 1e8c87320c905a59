"""Success and reward, from the problem's goal and stages."""

from __future__ import annotations

from typing import Any

from habitat.core.embodied_task import Measure
from habitat.core.registry import registry


@registry.register_measure(name="LightPddlSuccess")
class LightPddlSuccess(Measure):
    """Whether the goal holds; with ``must_call_stop`` only once the stop action says so.

    Nothing else reads the stop action, as in the real task.
    """

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__()
        self._must_stop = bool(config.must_call_stop)

    def _get_uuid(self, *args: Any, **kwargs: Any) -> str:
        return "pddl_success"

    def reset_metric(self, *args: Any, task: Any, **kwargs: Any) -> None:
        self.update_metric(task=task)

    def update_metric(self, *args: Any, task: Any, **kwargs: Any) -> None:
        self._metric = task.pddl_problem.is_expr_true(task.pddl_problem.goal)
        if self._must_stop:
            stopped = task.actions["rearrange_stop"].does_want_terminate
            self._metric = self._metric and stopped
            if stopped:
                task.end()


@registry.register_measure(name="LightPddlSubgoalReward")
class LightPddlSubgoalReward(Measure):
    """A reward for every stage that is reached for the first time."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__()
        self._reward = float(config.stage_sparse_reward)

    def _get_uuid(self, *args: Any, **kwargs: Any) -> str:
        return "pddl_subgoal_reward"

    def reset_metric(self, *args: Any, task: Any, **kwargs: Any) -> None:
        self._reached: set[str] = set()
        self.update_metric(task=task)

    def update_metric(self, *args: Any, task: Any, **kwargs: Any) -> None:
        problem = task.pddl_problem
        new = {
            stage
            for stage, goal in problem.stage_goals.items()
            if stage not in self._reached and problem.is_expr_true(goal)
        }
        self._reached |= new
        self._metric = self._reward * len(new)
