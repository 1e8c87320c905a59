"""The cycle: measure in the original env, keep or drop the mix, have the next one written."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gym_llmteacher.curriculum.env import ConfiguredEnv, EnvFn, check_spaces
from gym_llmteacher.curriculum.report import Rate, Report, risen
from gym_llmteacher.curriculum.space import Configuration, ConfigurationSpace, key_of
from gym_llmteacher.curriculum.writers import Writer
from gym_llmteacher.errors import CurriculumError
from gym_llmteacher.shown import shown

logger = logging.getLogger(__name__)
_PATIENCE = 2
"""Cycles without a rise after which a mix is doubted."""


@dataclass
class Curriculum:
    """Configurations of an env that change as the student learns (EnvGen, arXiv 2403.12014).

    Each cycle the student is measured in the original env, by skill. If its success has not fallen,
    the mix of the cycle was good enough to be built on. Else it is dropped, the last good one comes
    back, and what was in the dropped one is trained in no more, unless it is an original: a mix can
    do harm for a cycle or two before its fall is more than noise. Then the writer proposes the next
    mix. The original is always a share of it, so that no writer can keep the student away from what
    counts.

    A mix may also hold the student back without a fall. After two cycles in which success rose
    neither in the original nor in the mix, the next is a control: the originals alone. If success
    then rises by more than noise, what is new in the mix is trained in no more; else it is cleared,
    and not doubted again.

    :param env_fn: makes an env of keyword arguments; all with the same spaces
    :param space: JSON Schema of each keyword argument (`ConfigurationSpace`)
    :param writer: proposes configurations
    :param original: the configuration that counts; or several, one as likely as another
    :param share: of the training that is in the original env, in (0, 1]: of its episodes, and no
        less of its steps
    :param n: configurations in the mix
    :param seed: of the writer's generator
    :raises CurriculumError: ``original`` is not of the space, or a number cannot be

    Attributes: ``mix``, ``cycle``, ``history`` (a dict per cycle).

    Example::

        >>> import gymnasium as gym, minigrid
        >>> from gym_llmteacher import MapMemory, EasyToHard
        >>> def make(size):
        ...     return MapMemory(gym.make(f"MiniGrid-Empty-{size}x{size}-v0"), radius=5)
        >>> space = {"size": {"enum": [5, 6, 8]}}
        >>> ladder = EasyToHard([{"size": 5}, {"size": 6}])
        >>> curriculum = Curriculum(make, space, ladder, original={"size": 8}, n=1)
        >>> curriculum.next({"reach": Rate.of(2, 20)})
        [{'size': 5}]
    """

    env_fn: EnvFn
    space: ConfigurationSpace | Mapping[str, Mapping[str, Any]]
    writer: Writer
    original: Configuration | Sequence[Configuration]
    share: float = 0.5
    n: int = 4
    seed: int = 0
    mix: list[Configuration] = field(default_factory=list, init=False)
    cycle: int = field(default=0, init=False)
    history: list[dict[str, Any]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        space = self.space
        self._space = space if isinstance(space, ConfigurationSpace) else ConfigurationSpace(space)
        if not isinstance(self.writer, Writer):
            raise CurriculumError(
                f"writer is {self.writer!r}, expected a Writer such as RandomWriter()."
            )
        if not 0.0 < self.share <= 1.0 or self.n < 1:
            raise CurriculumError(
                f"share is {self.share!r} and n is {self.n!r}, expected a share in (0, 1] and 1 or "
                "more."
            )
        given = [self.original] if isinstance(self.original, Mapping) else list(self.original)
        if not given:
            raise CurriculumError("original is empty, expected a configuration, or several.")
        self.originals = [self._space.checked(one) for one in given]
        self._rng = np.random.default_rng(self.seed)
        self._good: list[Configuration] = []
        self._harmful: set[str] = set()
        self._doubted: set[str] = set()
        self._cleared: set[str] = set()
        self._stalled = 0
        self._last: Rate | None = None
        self._before: Rate | None = None
        self._known: dict[str, Rate] = {}

    @property
    def make(self) -> Callable[[], ConfiguredEnv]:
        """Makes the training env, for ``make_vec_env`` and `SubprocVecEnv`."""
        return functools.partial(ConfiguredEnv, self.env_fn, self.originals, self.share)

    @property
    def make_original(self) -> Callable[[], ConfiguredEnv]:
        """Makes the env that the student is measured in."""
        return functools.partial(ConfiguredEnv, self.env_fn, self.originals, 1.0)

    def next(
        self,
        skills: Mapping[str, Rate],
        configurations: Mapping[str, Rate] | None = None,
        improved: Collection[str] = (),
    ) -> list[Configuration]:
        """End a cycle, and return the mix of the next.

        :param skills: success in the original env
        :param configurations: success by key, as far as it was measured in this cycle
        :param improved: keys of those in which it rose within the cycle, by more than noise
        """
        latest = dict(configurations or {})
        better = {*improved, *risen(self._known, latest)}
        self._known.update(latest)
        now = _together(skills)
        fell = self._judge(now, better)
        if not fell:
            self._good = list(self.mix)
        self._good = [one for one in self._good if key_of(one) not in self._harmful]
        report = Report(
            self.cycle, dict(skills), dict(self._known), tuple(self._good), tuple(self.originals)
        )
        proposed = [] if self._doubted else self.writer.propose(
            report, self._space, self.n, self._rng
        )  # fmt: skip
        usable = [one for one in proposed if self._usable(one)][: self.n]
        self.history.append({
            "cycle": self.cycle, "mix": list(self.mix), "kept": not fell,
            "doubted": bool(self._doubted), "success": now.success,
            "skills": {name: list(rate) for name, rate in skills.items()},
            "refused": len(proposed) - len(usable),
        })  # fmt: skip
        # After a fall the last good mix is trained in for a cycle, whatever is proposed.
        self.mix = list(self._good) if fell else [self._space.checked(one) for one in usable]
        self.cycle += 1
        return self.mix

    def _judge(self, now: Rate, better: set[str]) -> bool:
        """Whether success fell in the mix; and keep account of what harms, is doubted or cleared.

        :param better: keys of configurations in which success rose
        """
        fell = self._before is not None and self._before.above(now)
        # Any rise keeps a mix from doubt; only one that is more than noise speaks against it.
        rose = self._last is not None and now.success > self._last.success
        gained = self._last is not None and now.above(self._last)
        self._last = now
        new = {key_of(one) for one in self.mix} - set(map(key_of, self.originals))
        if fell:
            self._harmful |= new
        elif self._before is None or now.low > self._before.low:
            # Compared with the best so far: a slow decline is one, too.
            self._before = now
        if self._doubted:  # the control is over
            verdict = self._harmful if gained else self._cleared
            verdict |= self._doubted
            self._doubted = set()
        else:
            blameless = fell or rose or not new or new & better
            self._stalled = 0 if blameless else self._stalled + 1
            if self._stalled == _PATIENCE:
                self._doubted, self._stalled = new - self._cleared, 0
        return fell

    def _usable(self, configuration: Any) -> bool:
        """Whether it is of the space, and an env can be made of it for this student."""
        errors = self._space.errors(configuration)
        if not errors and key_of(configuration) in self._harmful:
            errors = ["with it, the original's success fell, or rose only when it was gone"]
        elif not errors:
            if key_of(configuration) in self._known:
                return True
            try:
                env = self.env_fn(**self._space.checked(configuration))
                first = self.env_fn(**self.originals[0])
                check_spaces(first, env, configuration)
                env.reset(seed=0)
                return True
            except Exception as error:  # of the env, at values that are allowed: nothing to do
                errors = [f"{type(error).__name__}: {error}"]
        logger.warning("a configuration was refused: %s", shown("; ".join(errors)))
        return False

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write where the curriculum is, as JSON."""
        Path(path).write_text(self.saved(), encoding="utf-8")

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on from what `save` wrote.

        :raises CurriculumError: it is no such file, or of another space
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise CurriculumError(f"{str(path)!r} cannot be read ({error}).") from None
        self.resume(text, str(path))

    def saved(self) -> str:
        """Where the curriculum is, as JSON."""
        before, last = (None if one is None else list(one) for one in (self._before, self._last))
        known = {key: list(rate) for key, rate in self._known.items()}
        return json.dumps({
            "cycle": self.cycle, "mix": self.mix, "good": self._good, "before": before,
            "last": last, "stalled": self._stalled, "harmful": sorted(self._harmful),
            "doubted": sorted(self._doubted), "cleared": sorted(self._cleared), "known": known,
            "history": self.history,
            "rng": self._rng.bit_generator.state,
        })  # fmt: skip

    def resume(self, text: str, source: str = "the text") -> None:
        """Go on from what `saved` returned.

        :param source: where it is from, for errors
        :raises CurriculumError: it is no such text, or of another space
        """
        try:
            state = json.loads(text)
            mix, good = ([self._space.checked(one) for one in state[k]] for k in ("mix", "good"))
            before, last = (state[k] and Rate(*state[k]) for k in ("before", "last"))
            known = {key: Rate(*values) for key, values in state["known"].items()}
            keys = [set(state[k]) for k in ("harmful", "doubted", "cleared")]
            stalled = int(state["stalled"])
            cycle, history, rng = int(state["cycle"]), list(state["history"]), state["rng"]
            self._rng.bit_generator.state = rng
        except (ValueError, KeyError, TypeError) as error:
            raise CurriculumError(
                f"{source!r} holds no curriculum of this space ({error}), expected what "
                "curriculum.save(...) wrote."
            ) from None
        self.mix, self._good, self._known = mix, good, known
        self._before, self._last = before, last
        self._harmful, self._doubted, self._cleared = keys
        self._stalled = stalled
        self.cycle, self.history = cycle, history


def _together(skills: Mapping[str, Rate]) -> Rate:
    """All episodes in one rate."""
    n = sum(rate.episodes for rate in skills.values())
    won = sum(round(rate.success * rate.episodes) for rate in skills.values() if rate.episodes)
    return Rate.of(won, n)
