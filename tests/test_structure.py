"""Modules to read in one sitting, calls that can be remembered, imports without a circle."""

import ast
from pathlib import Path

import pytest

import gym_llmteacher

ROOT = Path(gym_llmteacher.__file__).parent
LINES, PARAMETERS = 300, 10


def modules():
    """Name and path of every module of the package."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(modules())
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def test_no_module_is_long():
    counted = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in counted.items() if lines > LINES} == {}


def parameters(function):
    """How many arguments a call may give, without ``self``, ``*args`` and ``**kwargs``."""
    given = function.args
    names = [arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def is_dataclass(node):
    marks = [mark.func if isinstance(mark, ast.Call) else mark for mark in node.decorator_list]
    return any(getattr(mark, "id", getattr(mark, "attr", None)) == "dataclass" for mark in marks)


def is_field(node):
    """Whether a line of a class body is a field that its constructor takes."""
    if not isinstance(node, ast.AnnAssign) or "ClassVar" in ast.unparse(node.annotation):
        return False
    return "init=False" not in (ast.unparse(node.value) if node.value else "")


def named_tuple(node):
    return any(ast.unparse(base).endswith("NamedTuple") for base in node.bases)


def is_command(node):
    """Whether nobody calls it: the parameters of a Typer command are the command line's options."""
    given = (arg.annotation for arg in node.args.args if arg.annotation)
    return any("typer.Option(" in ast.unparse(annotation) for annotation in given)


def sizes(tree):
    """Name and number of parameters of each function, and of fields of each dataclass."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if not is_command(node):
                yield node.name, node.lineno, parameters(node)
        elif isinstance(node, ast.ClassDef) and (is_dataclass(node) or named_tuple(node)):
            yield node.name, node.lineno, sum(map(is_field, node.body))


def test_no_call_takes_many_parameters():
    many = [
        f"{name}:{line} {what} takes {count}"
        for name, tree in TREES.items()
        for what, line, count in sizes(tree)
        if count > PARAMETERS
    ]
    assert many == []


def at_import(body):
    """Import statements that run with the module, or that types are checked with."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from at_import(ast.iter_child_nodes(node))


def imported(name, tree):
    """Modules of the package that a module imports.

    ``from package import module`` is an import of the module, ``from package import name`` one of
    the package. A module's own packages do not count: they are on their way in any case.
    """
    for node in at_import(tree.body):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        else:
            assert node.level == 0, f"{name}:{node.lineno} imports relatively"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [full if full in MODULES else node.module for full in inside]
        yield from (module for module in found if module in MODULES)


def circles(graph):
    """Strongly connected parts of more than one module (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(name):
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            part = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(part) > 1 or name in graph[name]:
                found.append(sorted(part))

    for name in graph:
        if name not in index:
            visit(name)
    return found


def test_no_modules_import_each_other():
    graph = {name: set(imported(name, tree)) for name, tree in TREES.items()}
    assert circles(graph) == []


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({"a": {"b"}, "b": set()}, []),
        ({"a": {"a"}}, [["a"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}, [["b", "c"]]),
    ],
)
def test_circles_are_found(graph, found):
    assert circles(graph) == found


def test_parameters_are_counted():
    source = """
class A:
    def __init__(self, one, /, two, *args, three=3, **kwargs): ...
@dataclass(frozen=True)
class B:
    one: int
    two: int = 2
    three: list = field(init=False)
    four: ClassVar[int] = 4
class C(NamedTuple):
    one: int
def f(one, two): ...
def command(one: Annotated[int, typer.Option(help="what")], two): ...
"""
    counted = {name: count for name, _, count in sizes(ast.parse(source))}
    assert counted == {"__init__": 3, "B": 2, "C": 1, "f": 2}


def test_imports_for_types_count_and_those_of_functions_do_not():
    source = """
import gym_llmteacher.advice
if TYPE_CHECKING:
    from gym_llmteacher import errors
class A:
    from gym_llmteacher.prior import Prior
def f():
    import gym_llmteacher.situation
"""
    assert set(imported("x", ast.parse(source))) == {
        "gym_llmteacher.advice", "gym_llmteacher.errors", "gym_llmteacher.prior",
    }  # fmt: skip
