"""Arguments that are a name or an object: how they are read, and how they are saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from gym_llmteacher.errors import StudentError

T = TypeVar("T")


def from_spec(got: str, spec: Any, kind: type[T], known: Mapping[str, T]) -> T:
    """Return the object that a name stands for; an object is returned as it is.

    :param got: how the message begins, for example ``"teacher_gates has"``
    :param spec: a name in ``known``, or a ``kind``
    :raises StudentError: it is neither

    >>> from_spec("colour is", "red", int, {"red": 7})
    7
    >>> from_spec("colour is", "pink", int, {"red": 7})
    Traceback (most recent call last):
    gym_llmteacher.errors.StudentError: colour is 'pink', expected one of red, or an object of a \
subclass of int; register_int("pink", ...) gives yours that name.
    """
    if isinstance(spec, kind):
        return spec
    if isinstance(spec, str) and spec in known:
        return known[spec]
    if isinstance(spec, type) and issubclass(spec, kind):
        cure = f"write {spec.__name__}(), with brackets"
    else:
        name = spec if isinstance(spec, str) and spec else "name"
        cure = f'register_{kind.__name__.lower()}("{name}", ...) gives yours that name'
    raise StudentError(
        f"{got} {spec!r}, expected one of {', '.join(known)}, or an object of a subclass of "
        f"{kind.__name__}; {cure}."
    )


def to_spec(spec: str | T, known: Mapping[str, T], built_in: Iterable[str]) -> str | T:
    """Return the name of what this package brings along; anything else as it is.

    Names are what is saved with a student: they need no class of ours to be loaded.

    >>> to_spec(7, {"red": 7, "mine": 8}, ["red"]), to_spec(8, {"red": 7, "mine": 8}, ["red"])
    ('red', 8)
    """
    return next((name for name in built_in if known[name] == spec), spec)


def register(
    name: str, thing: T, kind: type[T], known: dict[str, T], built_in: Iterable[str]
) -> None:
    """Give an object a name.

    :raises StudentError: no name, a name of this package, or not a ``kind``
    """
    if not isinstance(name, str) or not name or name in built_in:
        raise StudentError(
            f"name is {name!r}, expected a string that is not one of {', '.join(built_in)}: saved "
            "students rely on what those mean. Choose another name."
        )
    if not isinstance(thing, kind):
        raise StudentError(
            f"{name!r} stands for {thing!r}, expected an object of a subclass of {kind.__name__}, "
            f"for example My{kind.__name__}()."
        )
    known[name] = thing
