"""The taught PPO on Ray RLlib, for who outgrows one machine (extra ``rllib``).

=============== ==================================================================
`config`        `TeacherPPOConfig`: ``PPOConfig`` with a teacher
`algorithm`     `TeacherPPO`: tells the runners when to ask
`service`       one teacher for all runners, in an actor
`ray_teacher`   `RayTeacher`: its representative in every other process
`runner`        env runners that put priors into infos, late answers included
`connector`     brings the priors of the episodes into the train batch
`learner`       PPO's loss plus the teacher's
`env`           `TaughtEnv`: an env that describes itself
`modules`       `EgoMapRLModule`: the encoder of small maps
`keys`          no key goes into a checkpoint
=============== ==================================================================

Nothing else of the package imports this room, and it imports Ray at once.
"""

from gym_llmteacher.errors import RayMissingError

try:
    from gym_llmteacher.rllib.algorithm import TeacherPPO
    from gym_llmteacher.rllib.config import TeacherPPOConfig
    from gym_llmteacher.rllib.env import TaughtEnv
    from gym_llmteacher.rllib.modules import EgoMapRLModule
    from gym_llmteacher.rllib.ray_teacher import RayTeacher
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "ray":
        raise
    raise RayMissingError(
        "Ray's RLlib is not installed, expected it for gym_llmteacher.rllib. Cure: pip install "
        '"gym-llmteacher[rllib]", in a virtual environment of its own (it pins Gymnasium).'
    ) from None

__all__ = ["EgoMapRLModule", "RayTeacher", "TaughtEnv", "TeacherPPO", "TeacherPPOConfig"]
