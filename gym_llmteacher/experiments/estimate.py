"""What a training will ask and cost, from a random rollout, before a cent is spent."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium as gym
from rich.table import Table

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm.loading import load_litellm
from gym_llmteacher.llm.prices import price
from gym_llmteacher.llm.question import Question
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.cascade import CascadeTeacher
from gym_llmteacher.teachers.llm import LLMTeacher

_TOKENS_PER_REPLY = 120
"""Three short lines of reasoning and an action, as the prompt for ``"samples"`` asks for."""
_TOKENS_PER_NAME = 4
_TOKENS_OF_THOUGHT = 600
"""What a model that thinks is taken to think before it answers; they differ widely."""


class Rollout(NamedTuple):
    """Size of a random rollout: its episodes, its frames, and the distinct situations in it."""

    episodes: int
    frames: int
    seen: int


class Received(NamedTuple):
    """What replies come to.

    :param tokens: received
    :param usd: US dollars for all that is sent and received, by the model's own prices or
        litellm's list; ``None`` where no price is known
    """

    tokens: int
    usd: float | None


@dataclass(frozen=True)
class Estimate:
    """What a training would ask a language model.

    :param looked_at: the random rollout that this comes from
    :param situations: distinct situations to expect in the training
    :param questions: distinct questions to expect: several situations may be one question, and one
        situation several
    :param known: questions of the rollout that the answers file has already
    :param calls: requests
    :param prompt_tokens: sent
    :param usual: received, with replies of usual length
    :param most: received, if every reply were as long as it may be
    """

    model: str
    steps: int
    looked_at: Rollout
    situations: float
    questions: float
    known: int
    calls: int
    prompt_tokens: int
    usual: Received
    most: Received


def rollout(env: gym.Env[Any, Any], steps: int, seed: int) -> list[dict[str, Situation]]:
    """Act at random; the situations of every episode by key, the last one unfinished.

    :param env: wrapped in `GroundingWrapper`
    """
    env.action_space.seed(seed)
    _, info = env.reset(seed=seed)
    episodes: list[dict[str, Situation]] = [{}]
    for _ in range(steps):
        situation: Situation = info["teacher_situation"]
        episodes[-1].setdefault(situation.key, situation)
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        if terminated or truncated:
            _, info = env.reset()
            episodes.append({})
    return [episode for episode in episodes if episode]


def expected_texts(episodes: list[set[str]], factor: float) -> float:
    """Distinct texts to expect in ``factor`` (1 or more) times as many episodes.

    Extrapolation with Chao2's estimate of the unseen (Colwell et al. 2012, J. Plant Ecology 5:3-21,
    eq. 18). Episodes are the sampling units: the steps of one are anything but independent.

    >>> expected_texts([{"a", "b"}, {"a", "c"}, {"a", "b"}], factor=1.0)
    3.0
    >>> round(expected_texts([{"a", "b"}, {"a", "c"}, {"a", "b"}], factor=100.0), 2)
    3.33
    """
    t = len(episodes)
    counts = Counter(text for episode in episodes for text in episode)
    once = sum(count == 1 for count in counts.values())
    twice = sum(count == 2 for count in counts.values())
    if once == 0 or t == 1:
        return float(len(counts))
    share = (t - 1) / t
    unseen = share * (once**2 / (2 * twice) if twice else once * (once - 1) / 2)
    if unseen == 0:
        return float(len(counts))
    more = (factor - 1) * t
    return float(len(counts) + unseen * (1 - (1 - once / (t * unseen + once)) ** more))


def estimates(
    env: gym.Env[Any, Any], teacher: Teacher, steps: int, frames: int = 10_000, seed: int = 0
) -> list[Estimate]:
    """One estimate for each language model of a teacher: several for a cascade.

    A later teacher of a cascade is asked where those before it are silent or unsure, which nobody
    knows beforehand: its estimate is an upper bound.

    :raises TeacherSpecError: there is no language model in it
    """
    members = teacher.teachers if isinstance(teacher, CascadeTeacher) else (teacher,)
    models = [member for member in members if isinstance(member, LLMTeacher)]
    if not models:
        raise TeacherSpecError("the teacher is no language model: it costs nothing.")
    return [estimate(env, model, steps, frames, seed) for model in models]


def estimate(
    env: gym.Env[Any, Any], teacher: LLMTeacher, steps: int, frames: int = 10_000, seed: int = 0
) -> Estimate:
    """Predict what a training of ``steps`` will ask ``teacher``, which is not asked anything.

    :param env: wrapped in `GroundingWrapper`
    :param frames: random steps to look at
    """
    oracle = teacher.oracle
    episodes = rollout(env, frames, seed)
    factor = max(1.0, steps / frames)
    distinct = {key: situation for episode in episodes for key, situation in episode.items()}
    asked: dict[str, Question] = {}
    keys: dict[str, set[str]] = {}
    for key, situation in distinct.items():
        found = {oracle.key(question): question for question in teacher.questions(situation)}
        asked |= found
        keys[key] = set(found)
    known = sum(oracle.lookup(question) is not None for question in asked.values())
    situations = expected_texts([set(episode) for episode in episodes], factor)
    per_episode = [set().union(*(keys[key] for key in episode)) for episode in episodes]
    questions = expected_texts(per_episode, factor)
    new = max(0.0, questions - known)
    costs = [_cost(teacher, question) for question in asked.values()]
    calls, sent, usual, most = (
        round(new * statistics.fmean(part)) for part in zip(*costs, strict=True)
    )
    options = oracle.client.options
    received = (
        Received(tokens, price(teacher.model, options, sent, tokens)) for tokens in (usual, most)
    )
    return Estimate(
        teacher.model, steps, Rollout(len(episodes), frames, len(distinct)), situations, questions,
        known, calls, sent, *received,
    )  # fmt: skip


def _cost(teacher: LLMTeacher, question: Question) -> tuple[int, int, int, int]:
    """Requests, tokens sent, tokens usually received, tokens received at most."""
    client = teacher.oracle.client
    requests = client.requests(question.n)
    sent = requests * _tokens(question)
    if question.candidates:
        return requests, sent, 0, 0
    limit = client.endpoint.limit(question.params, client.room) or 0
    reply = _TOKENS_PER_NAME if question.brief else _TOKENS_PER_REPLY
    usual = reply + (_TOKENS_OF_THOUGHT if client.room else 0)
    usual = min(limit, usual) if limit else usual
    return requests, sent, question.n * usual, question.n * max(limit, usual)


def estimate_table(env_id: str, found: Estimate) -> Table:
    """Format for the terminal."""
    looked_at = found.looked_at
    table = Table(
        title=f"{env_id}, {found.steps:,} steps, taught by {found.model}",
        caption=f"From {looked_at.frames:,} random steps in {looked_at.episodes:,} episodes, with "
        f"{looked_at.seen:,} distinct situations. A student that learns gets to places chance does "
        "not: there may be more.",
        show_header=False,
    )
    rows = [
        ("distinct situations", f"{found.situations:,.0f}"),
        ("distinct questions", f"{found.questions:,.0f}"),
        ("in the answers file already", f"{found.known:,}"),
        ("requests", f"{found.calls:,}"),
        ("tokens sent", f"{found.prompt_tokens:,}"),
        ("tokens received", f"{found.usual.tokens:,} (at most {found.most.tokens:,})"),
        ("US dollars", "no price is known for this model" if found.usual.usd is None else
         f"{found.usual.usd:.4f} (at most {found.most.usd:.4f})"),
    ]  # fmt: skip
    for row in rows:
        table.add_row(*row)
    return table


def _tokens(question: Question) -> int:
    # One tokenizer for all: the others would be fetched over the network, which takes minutes.
    messages = list(question.messages)
    return int(load_litellm().token_counter("gpt-3.5-turbo", messages=messages))
