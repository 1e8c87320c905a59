"""A language model that proposes configurations (EnvGen, arXiv 2403.12014)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from gym_llmteacher.curriculum.report import Report
from gym_llmteacher.curriculum.space import Configuration, ConfigurationSpace
from gym_llmteacher.curriculum.writers import Writer
from gym_llmteacher.errors import NoReplyError
from gym_llmteacher.llm.oracle import Oracle
from gym_llmteacher.llm.question import Question
from gym_llmteacher.shown import shown

logger = logging.getLogger(__name__)
_MOST_TRIES = 20
"""Brackets of a reply at which a list may begin: one full of them costs no time."""
_SYSTEM = (
    "You design training levels for a small reinforcement-learning agent, so that it becomes good "
    "at the original level. Answer with a JSON list of objects and nothing else."
)


class LLMWriter(Writer):
    """Asks a language model, which is told the student's success by skill and by configuration.

    What it says is data: it is read as JSON and compared with the declared space. What does not fit
    is reported back once; what still does not fit is left out. Where there is no reply, the mix
    stays as it is.

    :param model: as for `LLMTeacher`; or an `Oracle`, whose budget and answers file it then shares.
        The embedded model is too small: it writes prose, and the originals alone are trained in
    :param task: what the student is to learn, in a sentence
    :param oracle_arguments: of `Oracle`: ``answers``, ``budget``, ...

    Example::

        >>> from gym_llmteacher.testing import FakeLLMServer
        >>> space = ConfigurationSpace({"size": {"enum": [5, 8]}})
        >>> with FakeLLMServer('[{"size": 5}]') as server:
        ...     writer = LLMWriter(server.model, "find the key", answers=":memory:")
        ...     writer.propose(Report(0), space, 1, np.random.default_rng(0))
        [{'size': 5}]
    """

    def __init__(
        self,
        model: str | Mapping[str, Any] | Oracle | None = None,
        task: str = "",
        **oracle_arguments: Any,
    ) -> None:
        if model == "embedded":
            model = None
        self.oracle = model if isinstance(model, Oracle) else Oracle(model, **oracle_arguments)
        self.task = task

    def propose(
        self, report: Report, space: ConfigurationSpace, n: int, rng: np.random.Generator
    ) -> list[Configuration]:
        messages: list[dict[str, str]] = [
            {"role": "system", "content": _SYSTEM},
            {"role": "user", "content": self._asks(report, space, n)},
        ]
        good: list[Configuration] = []
        for attempt in range(2):
            try:
                reply = self.oracle.ask(
                    Question(
                        tuple(messages),
                        {"temperature": 0.7, "max_tokens": 1024},
                        kind="curriculum",
                        text=f"cycle {report.cycle}",
                    )
                )
            except NoReplyError as error:
                logger.warning("the curriculum got no reply: %s", shown(str(error)))
                return good or list(report.mix)
            said = reply.texts[0] if reply.texts else ""
            good, bad = read_configurations(said, space)
            if not bad or attempt:
                break
            problem = f"That cannot be used: {'; '.join(bad[:5])}. Answer again, whole and correct."
            messages += [
                {"role": "assistant", "content": said[:4000]},
                {"role": "user", "content": problem},
            ]
        return good[:n]

    def _asks(self, report: Report, space: ConfigurationSpace, n: int) -> str:
        skills = "\n".join(
            f"- {name}: {rate.success:.0%} (95% interval {rate.low:.0%} to {rate.high:.0%})"
            for name, rate in report.skills.items()
        )
        before = "\n".join(
            f"- {json.dumps(one, sort_keys=True)}: {report.success(one):.0%}" for one in report.mix
        )
        originals = ", ".join(json.dumps(one, sort_keys=True) for one in report.originals)
        return (
            f"The agent learns to {self.task or 'solve the original level'}.\n"
            f"Original level: {originals or 'not given'}\n"
            f"Parameters of a level, as a JSON Schema: {json.dumps(space.properties)}\n"
            f"Success in the original level, by skill:\n{skills or '- not measured yet'}\n"
            f"Levels of the last cycle, and success there:\n{before or '- none'}\n"
            f"Propose {n} levels in which it will learn what it cannot do yet. They should be "
            "neither hopeless nor solved already."
        )


def read_configurations(
    text: str, space: ConfigurationSpace
) -> tuple[list[Configuration], list[str]]:
    """What of a reply is of the space, and what is wrong with the rest.

    >>> space = ConfigurationSpace({"size": {"enum": [5, 8]}})
    >>> read_configurations('Sure: [{"size": 5}, {"size": 7}]', space)
    ([{'size': 5}], ['size: 7 is not one of [5, 8]'])
    """
    found = _first_list(text)
    if found is None:
        return [], ["no JSON list in it"]
    good, bad = [], []
    for one in found:
        errors = space.errors(one)
        if errors:
            bad += errors
        else:
            good.append(space.checked(one))
    return good, bad or ([] if good else ["the list is empty"])


def _first_list(text: str) -> list[Any] | None:
    decoder = json.JSONDecoder(parse_constant=lambda name: None)  # no number is NaN
    at = text.find("[")
    for _ in range(_MOST_TRIES):
        if at < 0:
            break
        try:
            value, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("[", at + 1)
            continue
        if isinstance(value, list):
            return value
    return None
