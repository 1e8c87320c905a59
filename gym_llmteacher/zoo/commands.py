"""rl-zoo3's commands, which know the taught algorithms here."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import runpy
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from typer import BadParameter

from gym_llmteacher.cli_options import teacher_spec
from gym_llmteacher.errors import ModelUnavailableError, TeacherError, ZooMissingError
from gym_llmteacher.llm.redact import secrets_of

PIP_LINE = 'pip install "gym-llmteacher[zoo]"'
COMMANDS = {
    "train": "train an agent; takes --teacher, --elicitation and --answers as well",
    "optimize": "search hyperparameters: train -optimize",
    "enjoy": "play with a trained agent, without a teacher",
    "record_video": "film a trained agent, without a teacher",
    "plot_train": "draw the returns of training",
    "benchmark": "play every trained agent of a folder and write a table",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; what it does not know here goes to the zoo's own.

    :param arguments: ``None``: what was typed
    :raises SystemExit: 2 for bad arguments, a missing package or a teacher that cannot be used
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser("python -m gym_llmteacher.zoo", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_ in COMMANDS.items():
        command = commands.add_parser(name, help=help_, add_help=False, allow_abbrev=False)
        if name in ("train", "optimize"):
            for option in ("--teacher", "--elicitation", "--answers"):
                command.add_argument(option, default=argparse.SUPPRESS)
    ours, rest = parser.parse_known_args(given)
    wrapper_arguments = {k: v for k, v in vars(ours).items() if k != "command"}
    try:
        if "teacher" in wrapper_arguments:
            wrapper_arguments["teacher"] = _without_key(ours.teacher)
        _run(ours.command, wrapper_arguments, rest)
    except (TeacherError, BadParameter) as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _without_key(typed: str) -> str | dict[str, Any] | None:
    """Read ``--teacher``; the zoo keeps the command line beside the model it saves."""
    spec = teacher_spec(typed)
    if isinstance(spec, dict) and any(secret in typed for secret in secrets_of(spec)):
        raise ModelUnavailableError(
            "--teacher has a key in it, expected none: rl-zoo3 writes the command line into "
            "command.txt. Put the key into the environment, such as OPENAI_API_KEY."
        )
    return spec


def _run(command: str, wrapper_arguments: dict[str, Any], rest: list[str]) -> None:
    if importlib.util.find_spec("rl_zoo3") is None:
        raise ZooMissingError(
            f"rl-zoo3 is not installed, expected it for {command!r}. Cure: {PIP_LINE}"
        )
    from gym_llmteacher.zoo.algorithms import register

    register()
    if command == "optimize":
        rest = ["-optimize", *rest]
    with _replaced(sys, "argv", [f"python -m gym_llmteacher.zoo {command}", *rest]):
        if command in ("train", "optimize"):
            _train(wrapper_arguments)
        elif command == "benchmark":
            with _replaced(subprocess, "call", _call_enjoy(subprocess.call)):
                runpy.run_module("rl_zoo3.benchmark", run_name="__main__")
        elif command == "record_video":
            runpy.run_module("rl_zoo3.record_video", run_name="__main__")
        elif command == "enjoy":
            importlib.import_module("rl_zoo3.enjoy").enjoy()
        else:
            importlib.import_module("rl_zoo3.plots").plot_train()


def _train(wrapper_arguments: dict[str, Any]) -> None:
    from gym_llmteacher.zoo.manager import manager_with

    train = importlib.import_module("rl_zoo3.train")
    with _replaced(train, "ExperimentManager", manager_with(wrapper_arguments)):
        train.train()


def _call_enjoy(call: Any) -> Any:
    """The zoo's benchmark starts ``python enjoy.py``, a file that only a checkout of it has."""

    def instead(command: list[str]) -> Any:
        return call([sys.executable, "-m", "gym_llmteacher.zoo", "enjoy", *command[2:]])

    return instead


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
