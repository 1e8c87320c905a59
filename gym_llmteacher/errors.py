"""Every error this package raises on purpose.

::

    TeacherError(Exception)
    ├── GroundingError(ValueError)       no grounding fits the env, or names and actions disagree
    ├── ScheduleError(ValueError)        a coefficient or schedule that cannot be one
    ├── PriorError(ValueError)           a prior that is not a distribution, or is missing
    ├── CheckpointError                  an interrupted training that cannot be resumed like this
    ├── HabitatMissingError(ImportError) habitat-lab or its simulator is not installed
    ├── ZooMissingError(ImportError)     rl-zoo3 is not installed
    └── LLMError                         the language model cannot be used at all
        ├── ModelUnavailableError        unknown model, refused key, missing weights
        └── AnswersFileError             the answers file is corrupt or not ours

Errors at construction say what was got, what was expected and the one-line cure.
Trouble with a single answer never raises: the teacher abstains and counts it.
"""

from __future__ import annotations


class TeacherError(Exception):
    """Base of all errors of this package."""


class GroundingError(TeacherError, ValueError):
    """No grounding fits the env, or its names and actions disagree."""


class ScheduleError(TeacherError, ValueError):
    """A teaching coefficient or schedule with impossible values."""


class PriorError(TeacherError, ValueError):
    """A teacher prior that is missing, misshapen or not a distribution."""


class CheckpointError(TeacherError):
    """An interrupted training cannot be resumed with these settings."""


class HabitatMissingError(TeacherError, ImportError):
    """habitat-lab, or the simulator under it, is not installed."""


class ZooMissingError(TeacherError, ImportError):
    """rl-zoo3 is not installed."""


class LLMError(TeacherError):
    """The language model behind a teacher cannot be used."""


class ModelUnavailableError(LLMError):
    """Unknown model name, refused key, unreachable default model or missing weights."""


class AnswersFileError(LLMError):
    """The answers file is corrupt, or is a database of something else."""
