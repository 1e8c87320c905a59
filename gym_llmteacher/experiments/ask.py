"""Ask a teacher about one state, and show everything that leads to its prior."""

from __future__ import annotations

import math

import numpy as np
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gym_llmteacher.advice import Advice
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.llm.local import is_local
from gym_llmteacher.prior import prior_from
from gym_llmteacher.shown import shown
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.explanation import Explanation
from gym_llmteacher.teachers.llm import LLMTeacher
from gym_llmteacher.teachers.make import TeacherSpec
from gym_llmteacher.wrappers.overlay import action_names
from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper


def ask_once(
    console: Console,
    env_id: str,
    teacher: TeacherSpec,
    seed: int = 0,
    after: int = 0,
    elicitation: str | None = None,
    answers: str | None = None,
) -> None:
    """Print situation, prompt, reply, plan distribution, prior, time and price.

    :param after: random steps to take first (the episode starts anew if it ends)
    """
    env = LLMTeacherWrapper(
        make_env(env_id), teacher=teacher, answers=answers, elicitation=elicitation
    )
    # The steps before the question are not worth asking about.
    env.set_teaching(False)
    obs, _ = env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(after):
        obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            obs, _ = env.reset()
    situation = env.grounding.describe(env.env, obs)
    explanation = None
    if isinstance(env.teacher, LLMTeacher):
        explanation = env.teacher.explain(situation)
        advice = explanation.advice
    else:
        (advice,) = env.teacher.advise([situation])
    _show_situation(console, situation, action_names(env))
    if explanation is not None:
        _show_conversation(console, explanation)
    _show_advice(console, advice, situation, action_names(env), env.adviser.smoothing)
    if explanation is not None:
        _show_price(console, explanation)
    env.close()


def _words(text: str) -> Text:
    return Text(shown(text, lines=True))


def _show_situation(console: Console, situation: Situation, names: list[str]) -> None:
    lines = [f"Task: {situation.task}", situation.text, "", "Options, and what each would do now:"]
    for option, row in zip(situation.options, situation.option_actions, strict=True):
        doing = ", ".join(names[i] for i in np.flatnonzero(row)) or "(done, or not possible now)"
        lines.append(f"  {option:<24} {doing}")
    console.print(Panel(_words("\n".join(lines)), title="Situation"))


def _show_conversation(console: Console, explanation: Explanation) -> None:
    for question, reply in explanation.exchanges:
        sent = "\n\n".join(f"[{m['role']}]\n{m['content']}" for m in question.messages)
        console.print(
            Panel(
                _words(sent),
                title=_words(f"Sent to {explanation.model} ({explanation.elicitation})"),
            )
        )
        texts = reply.texts if reply is not None else ()
        lines = [f"{i}. {text.strip()}" for i, text in enumerate(texts, 1)]
        for i, pairs in enumerate(reply.logprobs[: len(lines)] if reply is not None else ()):
            probabilities = (f"{token.strip()!r} {math.exp(p):.3g}" for token, p in pairs[:6])
            lines[i] += "   probability of " + ", ".join(probabilities) if pairs else ""
        console.print(Panel(_words("\n".join(lines) or "(nothing)"), title="Replies"))


def _show_advice(
    console: Console, advice: Advice, situation: Situation, names: list[str], smoothing: float
) -> None:
    prior, weight = prior_from(advice, situation, smoothing)
    if advice.abstained:
        console.print(Panel(_words(advice.source), title="Advice"))
    else:
        plans = Table("plan", "probability")
        for plan, probability in sorted(advice.plans, key=lambda pair: -pair[1]):
            plans.add_row(_words(", ".join(plan)), f"{probability:.3f}")
        console.print(plans)
    actions = Table("action", "prior", "", title=f"Prior (weight {weight:.2f})")
    for name, value in zip(names, prior, strict=True):
        actions.add_row(_words(name), f"{value:.3f}", "█" * round(30 * float(value)))
    console.print(actions)


def _show_price(console: Console, explanation: Explanation) -> None:
    known, reply = explanation.advice.source == "answers", explanation.reply
    free = is_local(explanation.model)
    cost = f"${reply.cost_usd:.6f}" if reply.cost_usd or free else "no price known"
    console.print(
        f"{reply.prompt_tokens} tokens in, {reply.completion_tokens} out, "
        f"{reply.seconds:.2f} s, {cost}"
        + (" when it was asked; now read from the answers file." if known else "."),
        highlight=False,
    )
