"""A teacher held to account: it plays first, practises if it has to, and is dismissed if it harms.

1. It plays. One that solves half of its episodes teaches at once.
2. Else it practises, for a tenth of the training's frames at most (`gym_llmteacher.practice`).
3. One that then earns more than the untaught student teaches, one that does not is dismissed.
4. Where nobody earned anything it teaches on trial, for as many frames: the untaught student is
   kept aside, and comes back unless the taught one has earned something.

All frames are the training's own. With a replay buffer, whose schedules count transitions, they
come on top.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.learning.schedules import CoefSchedule, Constant
from gym_llmteacher.sb3.judging import (
    ALONE,
    LEAST,
    SHARE,
    can_practise,
    empty_experience,
    is_described,
    let_teacher_play,
    let_teacher_practise,
    warn_not_followed,
    warn_practised,
    warn_trial_failed,
)
from gym_llmteacher.sb3.teacher_eval import TeacherEval, checked_episodes, earned_more
from gym_llmteacher.sb3.telemetry import use_experience, use_record
from gym_llmteacher.sb3.trial import bring_back, kept

if TYPE_CHECKING:  # the algorithm that stands behind the mixin
    from stable_baselines3.common.base_class import BaseAlgorithm as _Algorithm
else:
    _Algorithm = object


class JudgedTeacher(_Algorithm):
    """What `TaughtAlgorithm` does about its teacher besides learning from it."""

    teacher_eval: dict[str, Any] | None
    """What the teacher earned by itself (`TeacherEval`), if it was to play."""
    teacher_record: dict[str, Any] | None
    """What it did before it taught, and what became of it: plain data."""
    teacher_experience: dict[str, Any] | None
    """What it has learned by practice (`Experience.as_dict`)."""
    teacher_seen: dict[str, Any] | None
    """What came of its advice, likewise, where a gate looks at that and it did not practise."""
    teacher_trial: dict[str, Any] | None
    """While it teaches on trial: until which env step, and the untaught student's returns."""
    teacher_untaught: bytes | None
    """The untaught student, kept aside meanwhile."""
    _default_episodes = 0
    _counts_played = False
    """Whether what the teacher plays is of the training's own frames."""
    teacher_followed: bool | None
    """Whether its advice is followed; ``None`` while that is still to be seen."""
    _coef: CoefSchedule | None
    _asking: bool | None

    def _begin_account(self, episodes: int | None) -> None:
        self.teacher_by_default = episodes is None
        given = self._default_episodes if episodes is None else episodes
        self.teacher_eval_episodes = checked_episodes(given)
        self.teacher_eval = self.teacher_record = self.teacher_trial = None
        self.teacher_experience = self.teacher_seen = self.teacher_untaught = None
        self.teacher_followed = True

    @property
    def _vec_env(self) -> VecEnv:
        env = self.env
        assert env is not None
        return env

    def _playable(self, infos: Any) -> Rows:
        raise NotImplementedError

    def _remind_teacher(self) -> None:
        """A student that was saved has envs whose teacher has not practised."""
        known = self.teacher_experience or self.teacher_seen
        if known is not None and self._asking and is_described(self._vec_env):
            use = use_record if self.teacher_experience is None else use_experience
            use(self._vec_env, Experience.from_dict(known))

    def _wants_record(self) -> bool:
        """Whether a gate looks at what came of advice."""
        return False

    def _evaluate_teacher(self, total_timesteps: int) -> int:
        """Let the teacher play and practise; the student begins as if nothing had happened.

        :return: env steps that were played
        """
        budget = int(SHARE * total_timesteps)
        described = is_described(self._vec_env)
        if self.teacher_by_default and (budget < LEAST or not described):
            return 0
        seen = empty_experience(self) if described and self._wants_record() else None
        played = let_teacher_play(self, self._playable, self.teacher_eval_episodes, seen)
        self.teacher_record = {"alone": asdict(played)}
        self.teacher_followed, steps = played.verdict((), 0), played.steps
        left = budget - 2 * played.steps  # it plays once more when it has practised
        # Where an env does not tell of success there is nothing to practise for: it is compared.
        tells = not math.isnan(played.success)
        # One that is silent, or advises what does not apply, cannot be judged; it can practise.
        if tells and not played.solved and left > 0 and can_practise(self._vec_env):
            experience, report = let_teacher_practise(self, self._playable, left)
            self.teacher_experience = experience.as_dict()
            alone = played
            played = let_teacher_play(self, self._playable, self.teacher_eval_episodes)
            self.teacher_record |= {"practice": report, "practised": asdict(played)}
            warn_practised(alone, played, report["steps"])
            self.teacher_followed = played.verdict((), 0)
            steps += report["steps"] + played.steps
        if seen is not None and self.teacher_experience is None:
            self.teacher_seen = seen.as_dict()
            use_record(self._vec_env, seen)
        self.teacher_eval = asdict(played)
        self._note("teaches" if self.teacher_followed else "to be compared", steps=steps)
        return steps

    def _note(self, outcome: str, **more: Any) -> None:
        self.teacher_record = {**(self.teacher_record or {}), "outcome": outcome, **more}

    def _judge_teacher(self) -> None:
        """Compare the teacher with the student, who has not been taught yet."""
        assert self.teacher_eval is not None
        played = TeacherEval(**self.teacher_eval)
        student = [episode["r"] for episode in self.ep_info_buffer or ()]
        theirs = (self.teacher_record or {}).get("steps", 0) if self._counts_played else 0
        steps = self.num_timesteps - theirs
        verdict = played.verdict(student, steps)
        if verdict is False and not np.any([played.mean_return, *student]):
            # Nobody earned anything. Chance may get there by and by; if not, only a trial tells.
            if steps < ALONE * self._total_timesteps:
                return
            self.teacher_followed, self.teacher_untaught = True, kept(self)
            until = self.num_timesteps + int(SHARE * self._total_timesteps)
            self.teacher_trial = {"until": until, "returns": student}
            self._note("on trial", trial=until)
            return
        self.teacher_followed = verdict
        if verdict is False:
            self._dismiss("dismissed")
            warn_not_followed(played, student)
        elif self.teacher_followed:
            self._note("teaches")

    def _dismiss(self, outcome: str) -> None:
        self.teacher_followed = False
        self._coef = Constant(0.0)
        self._note(outcome)

    def _end_trial(self) -> None:
        """The taught student has to have earned something where the untaught one did not."""
        assert self.teacher_trial is not None
        assert self.teacher_untaught is not None
        before = self.teacher_trial["returns"]
        student = [episode["r"] for episode in self.ep_info_buffer or ()]
        if earned_more(student, before):
            self._note("teaches")
        else:
            bring_back(self, self.teacher_untaught)
            self._dismiss("dismissed after a trial")
            warn_trial_failed(student, before)
        self.teacher_trial = self.teacher_untaught = None
