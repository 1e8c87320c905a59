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

Nothing else of the package imports this room. Names load lazily: the teacher's actor needs neither
torch nor RLlib.
"""

from __future__ import annotations

import importlib.util

import lazy_loader

from gym_llmteacher.errors import RayMissingError

if importlib.util.find_spec("ray") is None:
    raise RayMissingError(
        "Ray's RLlib is not installed, expected it for gym_llmteacher.rllib. Cure: pip install "
        '"gym-llmteacher[rllib]", in a virtual environment of its own (it pins Gymnasium).'
    )

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
