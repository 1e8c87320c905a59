"""The settings of a comparison, as one frozen dataclass that round-trips through JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stable_baselines3.common.utils import LinearSchedule

from gym_llmteacher.advising.named import condition_of
from gym_llmteacher.learning.coef import coef_spec
from gym_llmteacher.llm.redact import without_secrets
from gym_llmteacher.sb3.features import EgoMapFeatures
from gym_llmteacher.sb3.loop_free import LoopFreePolicy
from gym_llmteacher.subgoals.features import SubgoalFeatures
from gym_llmteacher.subgoals.written import check_written

StudentKind = Literal["teacher", "ppo"]
STUDENTS: tuple[StudentKind, ...] = ("teacher", "ppo")
STUDENT_NAMES = {"teacher": "TeacherPPO", "ppo": "plain PPO"}


@dataclass(frozen=True)
class Teaching:
    """How students are taught: how strongly, when, in what, and with which subgoals."""

    coef: float | dict[str, Any] | None = None
    """Teaching coefficient: a number, a dict of a schedule, or ``None`` for the default."""
    ask: str | None = None
    """When the teacher is asked, in words such as ``learned:asker.zip``; ``None``: about every
    observation."""
    curriculum: dict[str, Any] | None = None
    """What all students are trained in besides: see `gym_llmteacher.curriculum.written`; of each
    configuration ``env`` is an env id, the rest keyword arguments of ``gymnasium.make``."""
    subgoals: dict[str, Any] | None = None
    """What all students see of the teacher's plan, and are paid for: plain arguments of
    `SubgoalWrapper` (`gym_llmteacher.subgoals.written`); ``None``: nothing."""

    def __post_init__(self) -> None:
        # Bad ones raise now, not after the teacher has played.
        if self.coef is not None:
            coef_spec(self.coef)
        condition_of(self.ask)
        if self.subgoals is not None:
            check_written(self.subgoals)


@dataclass(frozen=True)
class Running:
    """How a comparison runs: a resumed one may have other values."""

    budget: dict[str, float] = field(default_factory=dict)
    """What may be spent with the folder's answers file: any of ``calls``, ``tokens``, ``usd``."""
    workers: int = 16
    """Questions open at once, of a model that is asked over the network."""
    late_timeout: float = 60.0
    """Seconds to wait for late answers before each update; later ones are abstentions in it."""
    checkpoint_every: int = 10_000
    """Frames between two checkpoints, from which an interrupted training can be resumed."""


@dataclass(frozen=True)
class ComparisonConfig:
    """A comparison of students × seeds on one env."""

    env: str = "LLMTeacher/SimpleDoorKey-v0"
    """Gymnasium env id."""
    teacher: str | dict[str, Any] | None = None
    """Teacher as `LLMTeacherWrapper` takes it, with any arguments of `LLMTeacher`; ``None`` is the
    embedded language model."""
    steps: int = 50_000
    """Environment steps (frames) per run."""
    seeds: tuple[int, ...] = (0,)
    """Seeds; each student trains once per seed."""
    students: tuple[StudentKind, ...] = STUDENTS
    """Which students to train: ``teacher`` (TeacherPPO) and ``ppo`` (plain PPO)."""
    teaching: Teaching = field(default_factory=Teaching)
    """How it is taught."""
    n_envs: int = 8
    """Environments side by side."""
    eval_episodes: int = 200
    """Episodes per evaluation."""
    out: str = "runs/SimpleDoorKey-v0"
    """Folder for models, pictures, tables and the answers file."""
    running: Running = field(default_factory=Running)
    """What changes how it runs, but not what is compared."""

    def to_json(self) -> str:
        """Write as JSON, without keys."""
        values = dataclasses.asdict(self)
        if isinstance(self.teacher, dict):
            values["teacher"] = without_secrets(self.teacher)
        for name in ("curriculum", "subgoals"):  # either may name a teacher of its own
            if (written := getattr(self.teaching, name)) is not None:
                values["teaching"][name] = without_secrets(written)
        return json.dumps(values, indent=2)

    def identity(self) -> str:
        """All that has to be the same for an interrupted comparison to go on, as JSON."""
        moved = dataclasses.replace(self, out="", running=Running())
        moved = dataclasses.replace(moved, teacher=_without_address(moved.teacher))
        subgoals = moved.teaching.subgoals
        if subgoals is not None and "teacher" in subgoals:
            written = {**subgoals, "teacher": _without_address(subgoals["teacher"])}
            teaching = dataclasses.replace(moved.teaching, subgoals=written)
            moved = dataclasses.replace(moved, teaching=teaching)
        return moved.to_json()

    @classmethod
    def from_json(cls, text: str) -> ComparisonConfig:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        values["seeds"], values["students"] = tuple(values["seeds"]), tuple(values["students"])
        values["running"] = Running(**values["running"])
        values["teaching"] = Teaching(**values["teaching"])
        return cls(**values)

    @property
    def folder(self) -> Path:
        """The output folder as a path."""
        return Path(self.out)


def _without_address(teacher: Any) -> Any:
    """What names a teacher, wherever its server is."""
    if not isinstance(teacher, dict):
        return teacher
    return {k: v for k, v in teacher.items() if k not in {"api_base", "base_url"}}


def ppo_arguments(map_like: bool, subgoals: bool = False) -> dict[str, Any]:
    """PPO's hyperparameters, the same for every student.

    :param map_like: whether observations are maps of integer codes (one-hot and convolutions)
    :param subgoals: whether they have a subgoal beside them (`SubgoalWrapper`)
    """
    arguments: dict[str, Any] = {
        "policy": "MlpPolicy",
        "learning_rate": LinearSchedule(1e-3, 1e-4, 1.0),
        "n_steps": 128,
        "batch_size": 128,
        "n_epochs": 8,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "ent_coef": 0.001,
        "target_kl": None,
    }
    if map_like:
        arguments["policy"] = LoopFreePolicy
        arguments["policy_kwargs"] = {
            "features_extractor_class": SubgoalFeatures if subgoals else EgoMapFeatures,
            "net_arch": [64],
            # One kernel for all weights: an update takes four fifths of the time.
            "optimizer_kwargs": {"fused": True, "eps": 1e-5},
        }
    return arguments
