"""Comparisons that are interrupted and go on."""

import dataclasses

import pytest
import torch as th
from rich.console import Console
from stable_baselines3 import PPO

from gym_llmteacher.experiments.checkpoint import Checkpoint
from gym_llmteacher.experiments.compare import compare


def in_parts(config, folder, times, stop, monkeypatch):
    """Interrupt a comparison after checkpoints, and finish it; its results, and where it stopped.

    :param times: how often it is interrupted
    :param stop: names the place of the student of a checkpoint; at each it stops once
    """
    parts = dataclasses.replace(config, out=str(folder))
    write, stopped = Checkpoint.write, []

    def interrupted(self, folder):
        write(self, folder)
        here = self.student and stop(self.student)
        if here and here not in stopped:
            stopped.append(here)
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "write", interrupted)
    for _ in range(times):
        with pytest.raises(KeyboardInterrupt):
            compare(parts, Console(quiet=True), resume=True)
    return compare(parts, Console(quiet=True), resume=True), stopped


def same_students(tmp_path, *names):
    """The students in the folders ``whole`` and ``parts`` have the same weights."""
    for name in names:
        one, other = (PPO.load(tmp_path / f / name).get_parameters() for f in ("whole", "parts"))
        for key, value in one["policy"].items():
            assert th.equal(value, other["policy"][key]), (name, key)
