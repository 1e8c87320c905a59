"""`TeacherPPO`: RLlib's PPO, which tells its runners whether a teacher is to be asked."""

from __future__ import annotations

from typing import Any

from ray.rllib.algorithms.ppo import PPO
from ray.rllib.utils.metrics import ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME

from gym_llmteacher.learning.coef import coef_schedule
from gym_llmteacher.rllib.config import TeacherPPOConfig
from gym_llmteacher.rllib.ray_teacher import RayTeacher


class TeacherPPO(PPO):
    """PPO that also learns from a teacher's prior; made by ``TeacherPPOConfig().build()``.

    Until λ has reached 0 for good, all runners ask; from then on none of them does, restarted ones
    included. Evaluation never asks.

    Change log: 0.1.0 - added.
    """

    config: TeacherPPOConfig
    teacher: RayTeacher | None = None
    """Who is asked by all runners, where ``config.teacher(...)`` names somebody."""
    _owns_teacher = False

    @classmethod
    def get_default_config(cls) -> TeacherPPOConfig:
        """A config without a coefficient."""
        return TeacherPPOConfig(algo_class=cls)

    def setup(self, config: Any) -> None:
        """Start the teacher's actor, then all that RLlib starts.

        :raises ModelUnavailableError: unknown model, missing key, missing weights
        """
        service = self.config.teacher_service
        if service is not None:
            spec = service["spec"]
            self._owns_teacher = not isinstance(spec, RayTeacher)
            self.teacher = spec if isinstance(spec, RayTeacher) else _start(service)
            if not self._owns_teacher:
                self.teacher.probe()
            self.config = self.config.copy(copy_frozen=False)
            self.config.teacher_actor = self.teacher.name
            self.config.freeze()
        super().setup(config)

    @property
    def asking(self) -> bool:
        """Whether λ is above 0, or will be."""
        key = (ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME)
        steps = float(self.metrics.peek(key, default=0))
        coef = self.config.teacher_coef
        assert coef is not None  # the config was validated
        return steps < coef_schedule(coef).zero_from

    def training_step(self) -> None:
        """Sample and learn as PPO does, from a teacher or not."""
        asking = self.asking
        # Every time: runners that were restarted meanwhile have not heard. A function, since RLlib
        # does not call a name with arguments on a local runner.
        self.env_runner_group.foreach_env_runner(lambda runner: runner.set_teaching(asking))
        super().training_step()
        if self.teacher is not None:
            for name, total in self.teacher.service_metrics().items():
                self.metrics.log_value(("teacher", name), total, window=1)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate; without runners for it, a runner of the training plays, unasked."""
        runner = self.env_runner if self.eval_env_runner_group is None else None
        if runner is None:
            return super().evaluate(*args, **kwargs)
        teaching = runner.teaching
        runner.set_teaching(False)
        try:
            return super().evaluate(*args, **kwargs)
        finally:
            runner.set_teaching(teaching)

    def cleanup(self) -> None:
        """End what `setup` has started."""
        super().cleanup()
        if self.teacher is not None and self._owns_teacher:
            self.teacher.stop()


def _start(service: dict[str, Any]) -> RayTeacher:
    return RayTeacher.start(
        service["spec"], workers=service["workers"] or 16, answers=service["answers"],
        elicitation=service["elicitation"], num_cpus=service["num_cpus"],
    )  # fmt: skip
