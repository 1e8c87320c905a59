"""Why a teacher has nothing to say."""

from __future__ import annotations

from enum import Enum


class Abstention(str, Enum):
    """Why a teacher has nothing to say; logs and metrics count by it.

    The classes of AgentBench (arXiv 2308.03688) for what an agent says, and the troubles of
    whoever asks over a network.
    """

    INVALID_FORMAT = "invalid_format"
    """The reply cannot be read."""
    UNKNOWN_OPTION = "unknown_option"
    """The reply names no option that there is."""
    REFUSED = "refused"
    """The model, or its provider, does not answer this question."""
    TOKEN_LIMIT = "token_limit"
    """The reply was cut off."""
    CONTEXT_LIMIT = "context_limit"
    """The question is too long for the model."""
    TIMEOUT = "timeout"
    """There was no answer in time."""
    SERVER_DOWN = "server_down"
    """The server does not answer, or answers with errors."""
    OVER_BUDGET = "over_budget"
    """The next request could cost more than is left."""
    OFFLINE = "offline"
    """The answers file does not know, and asking was ruled out."""
    NOT_ASKED = "not_asked"
    """Nobody asked: a condition was against it, or the same question has just failed."""
    UNDECIDED = "undecided"
    """The teacher itself has no opinion."""
    ERROR = "error"
    """Something else went wrong."""

    @property
    def may_pass(self) -> bool:
        """Whether the same question may be answered later: what is said meanwhile is provisional.

        >>> Abstention.SERVER_DOWN.may_pass, Abstention.UNKNOWN_OPTION.may_pass
        (True, False)
        """
        return self not in _FINAL


_FINAL = frozenset((Abstention.INVALID_FORMAT, Abstention.UNKNOWN_OPTION, Abstention.UNDECIDED))
