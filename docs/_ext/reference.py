"""Write the reference: a page for each room of the package, from the list of public names."""

import re
import shutil
from pathlib import Path

STUB = Path(__file__).parents[2] / "gym_llmteacher" / "__init__.pyi"
PAGES = {
    "wrappers": "Wrappers",
    "sb3": "Students, callbacks and vector envs",
    "teachers": "Teachers",
    "llm": "Language models: asking, keeping, paying",
    "groundings": "Groundings",
    "advising": "When to ask",
    "learning": "Coefficients, losses, gates",
    "playing": "Playing and recording",
    "experience": "Experience",
    "practice": "Practice",
    "reflection": "Reflection",
    "asking": "Learning when to ask",
    "subgoals": "Subgoals",
    "curriculum": "Curricula",
    "goals": "Goals and hindsight",
    "preflight": "Checking a teacher",
    "envs": "Envs",
    "errors": "Errors",
    "other": "Situations, advice, priors",
}


def public_names():
    """Room, module and name of everything that is public."""
    for module, name in re.findall(r"^from \.([\w.]+) import (\w+) as", STUB.read_text(), re.M):
        room = module.split(".")[0]
        yield (room if room in PAGES else "other"), f"gym_llmteacher.{module}", name


def write_reference(folder):
    """Write the pages anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rooms = {room: [] for room in PAGES}
    for room, module, name in public_names():
        rooms[room].append((module, name))
    used = [room for room in PAGES if rooms[room]]
    tree = "\n".join(used)
    (folder / "index.md").write_text(
        "# Reference\n\nEvery public name, by the room it lives in. All of them can be imported "
        f"from `gym_llmteacher`.\n\n```{{toctree}}\n:maxdepth: 2\n\n{tree}\n```\n"
    )
    for room in used:
        blocks = [f"# {PAGES[room]}\n"]
        for module, name in sorted(rooms[room], key=lambda pair: pair[1].lower()):
            kind = _directive(module, name)
            options = "   :members:\n   :show-inheritance:\n" if "function" not in kind else ""
            blocks.append(
                f"## {name}\n\n```{{eval-rst}}\n.. {kind}:: {module}.{name}\n{options}```\n"
            )
        (folder / f"{room}.md").write_text("\n".join(blocks))


def _directive(module, name):
    import importlib
    import inspect

    thing = getattr(importlib.import_module(module), name)
    if inspect.isclass(thing):
        return "autoexception" if issubclass(thing, Exception) else "autoclass"
    return "autofunction" if callable(thing) else "autodata"
