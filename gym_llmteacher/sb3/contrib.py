"""The taught algorithms of sb3-contrib, or, where that is not installed, classes that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from gym_llmteacher.errors import ContribMissingError


def _missing(name: str) -> type:
    """A class of this name that can be looked at, and not used."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise ContribMissingError(
            f"{name} needs sb3-contrib, which is not installed. Cure: pip install "
            "'gym-llmteacher[contrib]'"
        )

    return type(name, (), {
        "__doc__": "Needs sb3-contrib: ``pip install 'gym-llmteacher[contrib]'``.",
        "__init__": refuse, "load": classmethod(refuse),
    })  # fmt: skip


if TYPE_CHECKING:
    from gym_llmteacher.sb3.maskable_ppo import TeacherMaskablePPO
    from gym_llmteacher.sb3.recurrent_ppo import TeacherRecurrentPPO
else:
    try:
        from gym_llmteacher.sb3.maskable_ppo import TeacherMaskablePPO
        from gym_llmteacher.sb3.recurrent_ppo import TeacherRecurrentPPO
    except ModuleNotFoundError as error:
        if error.name != "sb3_contrib":
            raise
        TeacherMaskablePPO = _missing("TeacherMaskablePPO")
        TeacherRecurrentPPO = _missing("TeacherRecurrentPPO")

__all__ = ["TeacherMaskablePPO", "TeacherRecurrentPPO"]
