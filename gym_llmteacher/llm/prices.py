"""What tokens cost: by the prices in a model's dict, or by litellm's price list."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm.loading import load_litellm
from gym_llmteacher.llm.local import is_local

_OWN = ("input_cost_per_token", "output_cost_per_token")


def price(model: str, options: Mapping[str, Any], sent: int, received: int) -> float | None:
    """US dollars for so many tokens; ``None`` where no price is known.

    >>> prices = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    >>> round(price("openai/mine", prices, 1000, 1000), 6), price("local/smollm2-135m", {}, 9, 9)
    (0.003, 0.0)
    """
    if is_local(model):
        return 0.0
    if all(name in options for name in _OWN):
        return sent * float(options[_OWN[0]]) + received * float(options[_OWN[1]])
    try:
        prices = load_litellm().cost_per_token(
            model, prompt_tokens=sent, completion_tokens=received
        )
    except Exception:  # litellm raises plain ones where it knows no price
        return None
    return float(sum(prices))


def check_price(model: str, options: Mapping[str, Any]) -> None:
    """Check that a limit in US dollars would limit anything.

    :raises TeacherSpecError: no price is known, or one that cannot be
    """
    for name in _OWN:
        value = options.get(name, 0.0)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 <= value < math.inf:
            raise TeacherSpecError(f"{name} is {value!r}, expected US dollars, 0 or more.")
    if price(model, options, 1000, 1000) is None:
        raise TeacherSpecError(
            f"there is a budget in US dollars, and no price is known of {model!r}: it would limit "
            f'nothing. Cure: give "{_OWN[0]}" and "{_OWN[1]}" in the model\'s dict, or limit calls '
            "or tokens."
        )
