"""What a model behind a server was found to take: grows with every refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

LIMITS = ("max_tokens", "max_completion_tokens")
"""The two names of the token limit."""
_LONGEST = 16_384  # tokens; whoever needs more for one answer is not worth waiting for
_THINKING = 2048  # tokens; room for thoughts where there was none


@dataclass(frozen=True)
class Accepts:
    """What a model takes, as far as it is known; nothing is known at first.

    :param dropped: arguments it refused, which it is not sent again
    :param limit: the name of the token limit that it takes
    :param samples: most samples per request; 0 while that is not known
    :param tokens: smallest token limit under which it was seen to finish; 0 while any may do
    :param system: whether it takes a system message

    >>> Accepts().without("top_p").dropped
    ('top_p',)
    """

    dropped: tuple[str, ...] = ()
    limit: str = "max_tokens"
    samples: int = 0
    tokens: int = 0
    system: bool = True

    def without(self, *names: str) -> Accepts:
        """Known to refuse these arguments, too."""
        return replace(self, dropped=tuple(sorted({*self.dropped, *names})))

    def roomier(self, limit: int) -> Accepts | None:
        """After a reply was cut off at ``limit`` tokens; ``None`` where more is too much.

        >>> Accepts().roomier(16).tokens, Accepts().roomier(5000).tokens, Accepts().roomier(16384)
        (2048, 10000, None)
        """
        if limit >= _LONGEST:
            return None
        return replace(self, tokens=min(_LONGEST, max(2 * limit, _THINKING)))

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def load(cls, text: str | None) -> Accepts:
        """Inverse of `dump`; what cannot be read counts as nothing known.

        >>> Accepts.load(Accepts(samples=1).dump()).samples, Accepts.load("[]") == Accepts()
        (1, True)
        """
        try:
            form = json.loads(text or "{}")
            limit = form.get("limit")
            return cls(
                dropped=tuple(sorted(str(name) for name in form.get("dropped", ()))),
                limit=limit if limit in LIMITS else LIMITS[0],
                samples=max(0, int(form.get("samples", 0))),
                tokens=min(_LONGEST, max(0, int(form.get("tokens", 0)))),
                system=form.get("system") is not False,
            )
        except (AttributeError, TypeError, ValueError, OverflowError):
            return cls()


def arguments(
    accepts: Accepts, ours: Mapping[str, Any], users: Mapping[str, Any], n: int
) -> dict[str, Any]:
    """What is sent besides the messages.

    The user's own arguments win, under whatever name; of ours, those that are taken are sent.

    :param ours: what the question wants: ``temperature``, ``max_tokens``, ...
    :param users: what the user wrote beside the model's name
    :param n: samples wanted with this request

    >>> arguments(Accepts(dropped=("top_p",)), {"top_p": 0.7, "max_tokens": 16}, {"seed": 3}, 1)
    {'max_tokens': 16, 'seed': 3}
    >>> arguments(Accepts(limit="max_completion_tokens"), {}, {"max_tokens": 99}, 4)
    {'n': 4, 'max_completion_tokens': 99}
    """
    sent = {k: v for k, v in ours.items() if k not in accepts.dropped and k not in LIMITS}
    if n > 1 and "n" not in accepts.dropped:
        sent["n"] = n
    limit = users_limit(users)
    if limit is None and "max_tokens" in ours and "max_tokens" not in accepts.dropped:
        limit = max(int(ours["max_tokens"]), accepts.tokens) + _budget_of_thoughts(users)
    if _budget_of_thoughts(users):
        sent.pop("temperature", None)  # thinking wants the default of 1
    if limit is not None:
        sent[accepts.limit] = limit
    return {**sent, **{k: v for k, v in users.items() if k not in LIMITS}}


def users_limit(users: Mapping[str, Any]) -> int | None:
    """The token limit that the user set, if there is one."""
    given = [users[name] for name in LIMITS if users.get(name) is not None]
    return int(given[0]) if given else None


def _budget_of_thoughts(users: Mapping[str, Any]) -> int:
    thinking = users.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, Mapping) else None
    return budget if isinstance(budget, int) and budget > 0 else 0
