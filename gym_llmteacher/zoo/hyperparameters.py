"""Where the hyperparameters of a taught algorithm come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rl_zoo3
import yaml

from gym_llmteacher.llm.redact import without_secrets
from gym_llmteacher.zoo.algorithms import TAUGHT, parent_of

TEACHER = "gym_llmteacher.LLMTeacherWrapper"
_OWN = Path(__file__).parent / "hyperparams"
_ZOO = Path(rl_zoo3.__file__).parent / "hyperparams"


def config_for(algo: str, env_id: str) -> Path:
    """The file to read: this package's where it has the env, else the zoo's for the parent.

    For the parent itself it is the other way round, so that both can be compared.

    >>> config_for("teacher_ppo", "LLMTeacher/SimpleDoorKey-v0").name
    'teacher_ppo.yml'
    >>> config_for("teacher_ppo", "MiniGrid-DoorKey-5x5-v0").name
    'ppo.yml'
    """
    parent = parent_of(algo)
    own, zoos = _OWN / f"teacher_{parent}.yml", _ZOO / f"{parent}.yml"
    order = (own, zoos) if algo in TAUGHT else (zoos, own)
    return next((path for path in order if path.exists() and env_id in _envs_in(path)), zoos)


def _envs_in(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def split_wrappers(wrappers: Any) -> tuple[list[Any], int, dict[str, Any]]:
    """Take the teacher out of the zoo's ``env_wrapper``.

    :param wrappers: a name, a dict of a name and its arguments, a list of these, or ``None``
    :return: the others, the place of the teacher among them (innermost if it was not there), and
        its arguments

    >>> split_wrappers(["a.B", {"gym_llmteacher.LLMTeacherWrapper": {"smoothing": 0.1}}])
    (['a.B'], 1, {'smoothing': 0.1})
    """
    entries = wrappers if isinstance(wrappers, list) else [] if wrappers is None else [wrappers]
    others: list[Any] = []
    place, arguments = 0, {}
    for entry in entries:
        name = next(iter(entry)) if isinstance(entry, dict) else entry
        if name == TEACHER:
            place = len(others)
            arguments = dict(entry[name] or {}) if isinstance(entry, dict) else {}
        else:
            others.append(entry)
    return others, place, arguments


def shown(arguments: Any) -> Any:
    """What of a teacher's arguments may be kept beside a model: no keys, nothing but plain values.

    >>> shown({"teacher": [{"model": "openai/x", "api_key": "short"}]})
    {'teacher': [{'model': 'openai/x', 'api_key': '***'}]}
    """
    if isinstance(arguments, dict):
        clean = without_secrets(arguments)
        return {k: shown(v) if isinstance(v, list) else _plain(v) for k, v in clean.items()}
    if isinstance(arguments, list):
        return [shown(item) for item in arguments]
    return _plain(arguments)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, dict)):
        return value
    return type(value).__name__
