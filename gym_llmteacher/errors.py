"""Every error this package raises on purpose.

::

    TeacherError(Exception)
    ├── GroundingError(ValueError)       no grounding fits the env, or names and actions disagree
    ├── AdviceError(ValueError)          advice whose probabilities cannot be
    ├── PriorError(ValueError)           a prior that is not a distribution, or is missing
    ├── ConditionError(ValueError)       when to ask: no condition, or one that cannot be
    ├── ScheduleError(ValueError)        a coefficient or schedule that cannot be one
    ├── StudentError(ValueError)         a student's arguments, or a saved one that cannot be loaded
    ├── TeacherSpecError(ValueError)     a teacher's arguments: unknown, or no teacher's
    ├── ExperienceError(ValueError)      experience of another env, or a file that is none
    ├── CurriculumError(ValueError)      a configuration, space or writer that cannot be
    ├── CheckpointError                  an interrupted training that cannot be resumed like this
    ├── HabitatMissingError(ImportError) habitat-lab or its simulator is not installed
    ├── ZooMissingError(ImportError)     rl-zoo3 is not installed
    ├── ContribMissingError(ImportError) sb3-contrib is not installed
    ├── RayMissingError(ImportError)     Ray's RLlib is not installed
    └── LLMError                         the language model cannot be used at all
        ├── ModelUnavailableError        unknown model, refused key, missing weights
        ├── AnswersFileError             the answers file is corrupt or not ours
        └── NoReplyError                 one question got no reply; `reason` says why
            ├── CallFailedError          it was sent, to no avail
            ├── ServerDownError          the server failed so often that it is left alone
            ├── BudgetSpentError         it could have cost more than is left
            └── NotAskedError            it was deliberately not sent

Errors at construction say what was got, what was expected and the one-line cure.
Trouble with a single answer never reaches a training: the teacher abstains and counts it.
"""

from __future__ import annotations

from gym_llmteacher.abstention import Abstention


class TeacherError(Exception):
    """Base of all errors of this package."""


class GroundingError(TeacherError, ValueError):
    """No grounding fits the env, or its names and actions disagree."""


class AdviceError(TeacherError, ValueError):
    """Advice whose probabilities or confidence cannot be."""


class PriorError(TeacherError, ValueError):
    """A teacher prior that is missing, misshapen or not a distribution."""


class ConditionError(TeacherError, ValueError):
    """A condition on when to ask that is none, or cannot hold."""


class ScheduleError(TeacherError, ValueError):
    """A teaching coefficient or schedule with impossible values."""


class StudentError(TeacherError, ValueError):
    """Arguments a student cannot be trained with, or a saved student that cannot be loaded."""


class TeacherSpecError(TeacherError, ValueError):
    """A teacher's arguments: they name no teacher, are unknown, or cannot be."""


class ExperienceError(TeacherError, ValueError):
    """Experience that was made elsewhere, or a file that holds none."""


class CurriculumError(TeacherError, ValueError):
    """A curriculum's space, configuration, writer or file that cannot be."""


class CheckpointError(TeacherError):
    """An interrupted training cannot be resumed with these settings."""


class HabitatMissingError(TeacherError, ImportError):
    """habitat-lab, or the simulator under it, is not installed."""


class ZooMissingError(TeacherError, ImportError):
    """rl-zoo3 is not installed."""


class ContribMissingError(TeacherError, ImportError):
    """sb3-contrib is not installed."""


class RayMissingError(TeacherError, ImportError):
    """Ray's RLlib is not installed."""


class LLMError(TeacherError):
    """The language model behind a teacher cannot be used."""


class ModelUnavailableError(LLMError):
    """Unknown model name, refused key, unreachable default model or missing weights."""


class AnswersFileError(LLMError):
    """The answers file is corrupt, or is a database of something else."""


class NoReplyError(LLMError):
    """One question got no reply; the next one may.

    :param reason: why, for programs
    """

    def __init__(self, message: str, reason: Abstention = Abstention.ERROR) -> None:
        super().__init__(message)
        self.reason = reason


class CallFailedError(NoReplyError):
    """A question was sent, and there was no reply after all retries."""


class ServerDownError(NoReplyError):
    """The server failed so often that it is left alone for a while."""

    def __init__(self, message: str, reason: Abstention = Abstention.SERVER_DOWN) -> None:
        super().__init__(message, reason)


class BudgetSpentError(NoReplyError):
    """A request was not made, since it could have cost more than is left."""

    def __init__(self, message: str, reason: Abstention = Abstention.OVER_BUDGET) -> None:
        super().__init__(message, reason)


class NotAskedError(NoReplyError):
    """The model was deliberately not asked; that is no new failure."""

    def __init__(self, message: str, reason: Abstention = Abstention.NOT_ASKED) -> None:
        super().__init__(message, reason)
