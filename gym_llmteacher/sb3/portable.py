"""Classes that saved students bring along: in this package, the package's; elsewhere, their source.

SB3 saves a policy's classes by cloudpickle: by name, which only loads where this package is, or by
value, as bytecode, which another version of Python cannot read: it crashes. Source can be read by
all of them.
"""

from __future__ import annotations

import ast
import copyreg
import sys
from abc import ABCMeta
from functools import cache
from inspect import getsource
from typing import Any

_PACKAGE = __name__.partition(".")[0]


class Portable(ABCMeta):
    """Metaclass of classes that are to load in plain Stable-Baselines3, without this package.

    Their module may import what Stable-Baselines3 brings, and modules here that do the same. A
    subclass from elsewhere is saved as any class is.

    >>> import pickle
    >>> from gym_llmteacher.sb3.loop_free import LoopFreePolicy
    >>> pickle.loads(pickle.dumps(LoopFreePolicy)) is LoopFreePolicy
    True
    """


def _reduce(cls: type) -> str | tuple[Any, ...]:
    if cls.__module__.partition(".")[0] != _PACKAGE:
        return cls.__qualname__
    made = (
        f"try:\n    from {cls.__module__} import {cls.__name__}\n"
        f"except ImportError:\n    exec({source_of(cls.__module__)!r}, globals())\n"
    )
    # In names of its own: those of whoever unpickles stay as they are.
    return eval, (
        f"(lambda names: exec({made!r}, names) or names[{cls.__name__!r}])"
        f"({{'__name__': {cls.__module__!r}}})",
    )


copyreg.pickle(Portable, _reduce)  # a class is an instance of its metaclass


@cache
def source_of(module: str) -> str:
    """Source of a module, after that of the modules of this package that it imports.

    >>> "gym_llmteacher import" in source_of("gym_llmteacher.sb3.features")
    False
    """
    text = getsource(sys.modules[module])
    lines, before = text.splitlines(), []
    for node in ast.parse(text).body:
        if not isinstance(node, ast.ImportFrom):
            continue
        ours = (node.module or "").partition(".")[0] == _PACKAGE
        if ours and node.module not in (None, __name__):
            before.append(source_of(node.module))
        if ours or node.module == "__future__":
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = [""] * (end - node.lineno + 1)
    own = "\n".join(lines).replace(f", metaclass={Portable.__name__}", "")
    first = "from __future__ import annotations\n"
    return first + "".join(part.removeprefix(first) for part in before) + own + "\n"
