"""What an arm is called in a picture, and its colour, which is the same in all of them.

A teacher has a colour; what is done against its mistakes (practice runs, gates, another λ) has a
line style.
"""

from __future__ import annotations

import zlib

PLAIN = "#6b7280"
"""Grey: plain PPO, here and in what ``gym-llmteacher train`` draws."""

_LOOKS: dict[str, tuple[str, str]] = {
    "ppo": ("plain PPO", PLAIN),
    "hierarchical": ("PPO over options", "#92400e"),
    "cloning": ("cloned from the planner, then PPO", "#0f766e"),
    "llm": ("TeacherPPO, embedded model", "#2563eb"),
    "llm-longer": ("embedded model, 1.5 times the frames", "#0ea5e9"),
    "llm-replay": ("embedded model, advice taught again", "#7c3aed"),
    "llm-options": ("TeacherPPO over options, embedded model", "#db2777"),
    "llm-letters": ("embedded model, asked for a letter", "#0891b2"),
    "llm-letters-hard": ("the same, hard: one draw of its answer", "#164e63"),
    "planner": ("TeacherPPO, planner", "#f97316"),
    "planner-replay": ("planner, advice taught again", "#16a34a"),
    "planner-options": ("TeacherPPO over options, planner", "#db2777"),
    "planner-constant": ("planner, λ = 0.3 throughout", "#eab308"),
    "simulated-0.9": ("right for 90 % of the texts", "#a855f7"),
    "simulated-0.7": ("right for 70 % of the texts", "#ec4899"),
    "simulated-0.5": ("right for 50 % of the texts", "#ef4444"),
    "simulated-0.3": ("right for 30 % of the texts", "#7f1d1d"),
    "soft-0.6": ("soft advice, 60 % on the right option", "#65a30d"),
    "hard-0.6": ("hard advice, right at 60 %", "#365314"),
    "faulty": ("the original's failure modes", "#dc2626"),
    "wrong": ("always wrong", "#b91c1c"),
    "random": ("random, the same for each text", "#d946ef"),
}
_SPARE = ("#0369a1", "#4d7c0f", "#9333ea", "#be123c", "#0d9488", "#a16207")
"""For arms that are not in the list above; each still has the same one in all pictures."""
_GUARDS = {
    "+eval": ("plays first", (0, (5, 2))),
    "+advantage": ("gate: advantage", (0, (5, 2))),
    "+confidence": ("gate: confidence", (0, (6, 2, 1, 2))),
    "+proximal": ("gate: proximal", (0, (1, 1.5))),
    "-adaptive": ("λ follows the student", "-"),
}


def look(arm: str) -> tuple[str, str, object]:
    """Words, colour and line style.

    >>> look("wrong+eval")
    ('always wrong; plays first', '#b91c1c', (0, (5, 2)))
    >>> look("planner")[:2]
    ('TeacherPPO, planner', '#f97316')
    """
    for ending, (words, style) in _GUARDS.items():
        if arm.endswith(ending) and arm not in _LOOKS:
            name, color, _ = look(arm.removesuffix(ending))
            return f"{name}; {words}", color, style
    return *_LOOKS.get(arm, (arm, _SPARE[zlib.crc32(arm.encode()) % len(_SPARE)])), "-"
