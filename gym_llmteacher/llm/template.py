"""Prompts of a user's own: a text with placeholders, from Python or from a file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gym_llmteacher.errors import TeacherSpecError

PLACEHOLDERS = ("task", "situation", "options", "example")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_SECTION = re.compile(r"^\[(system|user)\][ \t]*\n", re.M)


@dataclass(frozen=True)
class Template:
    """What is sent to a chat model, with ``{task}``, ``{situation}``, ``{options}``, ``{example}``.

    Other braces stay as they are, so that ``Action: {first option, second option}`` can be written.
    Values are put in as they are: what they hold is never taken for a placeholder.

    :param user: the question; it or ``system`` must have ``{situation}`` and ``{options}``
    :param system: the instructions (may be empty)
    :raises TeacherSpecError: a placeholder that does not exist, or one that is missing

    Example::

        >>> template = Template("{situation} You can: {options}. End with Action: {your choice}")
        >>> template.messages("", "A fox is here.", ["- run", "- hide"])[0]["content"]
        'A fox is here. You can: - run\\n- hide. End with Action: {your choice}'
    """

    user: str
    system: str = ""

    def __post_init__(self) -> None:
        used = _PLACEHOLDER.findall(self.system + self.user)
        unknown = [name for name in used if name not in PLACEHOLDERS]
        if unknown:
            raise TeacherSpecError(
                f"the prompt has {{{unknown[0]}}}, expected only "
                f"{', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}. For braces in the text, put "
                "more than one word between them."
            )
        missing = [name for name in ("situation", "options") if name not in used]
        if missing:
            raise TeacherSpecError(
                f"the prompt has no {{{missing[0]}}}: the model would be asked the same in every "
                f"situation. Put {{{missing[0]}}} where it is to stand."
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Template:
        """Read a file with a section ``[user]`` and, if wanted, ``[system]``.

        Without sections the whole file is the question.

        :raises TeacherSpecError: there is no such file, or what it says is no template
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TeacherSpecError(
                f"the prompt file {os.fspath(path)!r} cannot be read ({error}), expected a text "
                "with {situation} and {options}."
            ) from error
        parts = _SECTION.split(text)
        sections = dict(zip(parts[1::2], parts[2::2], strict=True)) or {"user": text}
        return cls(sections.get("user", "").strip(), sections.get("system", "").strip())

    def messages(
        self, task: str, situation: str, options: Sequence[str], example: str = ""
    ) -> list[dict[str, str]]:
        """Chat messages; options are listed one per line.

        :param options: lines as they are to be listed: ``"- run"``, ``"A) run"``
        """
        listed = "\n".join(options)
        values = {"task": task, "situation": situation, "options": listed, "example": example}

        def filled(text: str) -> str:
            return _PLACEHOLDER.sub(lambda match: values[match[1]], text)

        roles = (("system", self.system), ("user", self.user))
        return [{"role": role, "content": filled(text)} for role, text in roles if text]
