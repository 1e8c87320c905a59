"""Everything a comparison needs to go on after a crash, in one file that is replaced at once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from gym_llmteacher.errors import CheckpointError
from gym_llmteacher.experiments.evaluate import Evaluation
from gym_llmteacher.experiments.result import RunResult
from gym_llmteacher.llm.store import Find, Store
from gym_llmteacher.shown import shown
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.totals import added

FILE = "checkpoint.pkl"
TEACHER, SUBGOALS = "teacher", "subgoals"
"""What teachers do."""
_MARK = b"gym_llmteacher checkpoint 1\n"
Curve = list[tuple[int, float]]


@dataclass
class Student:
    """One that has not finished its training.

    :param model: what ``model.save`` writes
    :param envs: the envs in the middle of their episodes, with the priors of their observations;
        ``None`` where the envs cannot be pickled: new episodes are begun then
    :param rng: states of the global generators of Python, NumPy and torch
    :param seconds: of training so far
    :param curriculum: where it is, as JSON; ``""``: there is none
    """

    kind: str
    seed: int
    model: bytes
    envs: bytes | None
    rng: tuple[Any, Any, Any]
    curve: Curve
    taught: list[tuple[int, float, float]]
    seconds: float
    curriculum: str = ""


@dataclass
class Checkpoint:
    """A comparison that is under way.

    :param config: its settings, as JSON
    :param alone: how well the teacher acts by itself, once that is known
    :param runs: what has finished
    :param student: the run that has not
    :param sums: totals of the teacher
    :param time: when ``sums`` were taken, seconds since 1970, UTC
    """

    config: str
    alone: tuple[Evaluation, Evaluation] | None = None
    runs: list[RunResult] = field(default_factory=list)
    student: Student | None = None
    sums: dict[str, float] = field(default_factory=dict)
    time: float = field(default_factory=time.time)

    def note(self, sums: Mapping[str, float], earlier: Mapping[str, float]) -> None:
        """Take down what the teacher has done, in this process and in those before."""
        self.sums, self.time = added(sums, earlier), time.time()

    def write(self, folder: Path) -> None:
        """Replace the file in ``folder``: a crash leaves the old one or the new one."""
        new = folder / f"{FILE}.new"
        content = pickle.dumps(self)
        with new.open("wb") as file:
            file.write(_MARK + hashlib.sha256(content).digest() + content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / FILE)


def read_checkpoint(folder: Path, config: str) -> Checkpoint | None:
    """Read the file in ``folder``; ``None`` where there is none.

    It is a pickle, like the zip of an SB3 model: read only your own.

    :raises CheckpointError: it is of a comparison with other settings, or cannot be read
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        checkpoint = _unpickled(path.read_bytes())
    except Exception as error:  # an unpickler may raise anything
        raise _unreadable(str(path), error) from None
    if not isinstance(checkpoint, Checkpoint) or checkpoint.config != config:
        raise CheckpointError(
            f"{path} is of a training with other settings: {_differences(checkpoint, config)}. "
            "Cure: give the same options, or name another folder with --out."
        )
    return checkpoint


def _differences(checkpoint: Any, config: str) -> str:
    """Which settings are not those of a checkpoint."""
    before, now = json.loads(getattr(checkpoint, "config", "{}")), json.loads(config)
    said = [
        f"{name} was {json.dumps(before.get(name))} and is {json.dumps(value)}"
        for name, value in now.items()
        if before.get(name) != value
    ]
    return shown("; ".join(said))[:600]


def _unpickled(content: bytes) -> Any:
    """Unpickle what `Checkpoint.write` wrote, and nothing else."""
    if not content.startswith(_MARK):
        raise ValueError("it does not begin as a checkpoint does")
    digest, rest = content[len(_MARK) :][:32], content[len(_MARK) + 32 :]
    if hashlib.sha256(rest).digest() != digest:
        raise ValueError("it is torn or altered")
    return pickle.loads(rest)


def _unreadable(path: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} cannot be read ({shown(str(error))[:200]}); expected what an interrupted training "
        "left, with the same versions of the packages. Cure: train without --resume, which begins "
        "anew."
    )


def snapshot(
    model: PPO,
    kind: str,
    seed: int,
    curve: Curve,
    taught: Any,
    seconds: float,
    teachers: Mapping[str, Teacher] | None = None,
) -> Student:
    """Copy all that the training of ``model`` depends on; to be called between two rollouts.

    :param teachers: by what they do: those of the envs are left out under these names
    """
    buffer = io.BytesIO()
    model.save(buffer)
    priors = getattr(model, "_last_priors", None)
    rng = (random.getstate(), np.random.get_state(), th.get_rng_state())
    envs = _pickled((model.get_env(), priors), teachers or {})
    return Student(kind, seed, buffer.getvalue(), envs, rng, list(curve), list(taught), seconds)


def restore(student: Student, fresh: PPO, teachers: Mapping[str, Teacher]) -> PPO:
    """Rebuild the model of a snapshot, ready for ``learn(..., reset_num_timesteps=False)``.

    :param fresh: an untrained model of the same kind; its envs are used where the snapshot has none
    :param teachers: the live ones, in place of those the envs had: no key is ever in a snapshot
    :raises CheckpointError: it does not fit this version of the packages
    """
    try:
        return _restored(student, fresh, teachers)
    except Exception as error:
        raise _unreadable(FILE, error) from None


def _restored(student: Student, fresh: PPO, teachers: Mapping[str, Teacher]) -> PPO:
    env, priors = fresh.get_env(), None
    if student.envs is not None:
        assert env is not None
        env.close()
        env, priors = _Unpickler(io.BytesIO(student.envs), teachers).load()
    model = type(fresh).load(
        io.BytesIO(student.model), env=env, device="cpu", force_reset=student.envs is None
    )
    if priors is not None:
        model._last_priors = priors  # type: ignore[attr-defined]
    random.setstate(student.rng[0])
    np.random.set_state(student.rng[1])
    th.set_rng_state(student.rng[2])
    return model


def sums_since(checkpoint: Checkpoint, answers: Store) -> dict[str, float]:
    """Totals of the teacher, with the answers that arrived between checkpoint and crash."""
    sums = dict(checkpoint.sums)
    for record in answers.records(Find(since=checkpoint.time)):
        for name in ("calls", "prompt_tokens", "completion_tokens", "cost_usd", "seconds"):
            sums[name] = sums.get(name, 0.0) + float(record.reply[name])
    return sums


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, teachers: Mapping[str, Teacher]) -> None:
        super().__init__(file)
        self._names = {id(teacher): name for name, teacher in teachers.items()}

    def persistent_id(self, obj: Any) -> str | None:
        # One that is not named is wrapped around the teacher, or is the teacher itself.
        return self._names.get(id(obj), TEACHER) if isinstance(obj, Teacher) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, teachers: Mapping[str, Teacher]) -> None:
        super().__init__(file)
        self._teachers = teachers

    def persistent_load(self, pid: Any) -> Teacher | None:
        return self._teachers.get(pid)


def _pickled(what: tuple[VecEnv | None, Any], teachers: Mapping[str, Teacher]) -> bytes | None:
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, teachers).dump(what)
    except (TypeError, AttributeError, pickle.PicklingError):  # a window, a socket, a process
        return None
    return buffer.getvalue()
