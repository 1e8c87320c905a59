"""Every model that README and docs name teaches, behind a server as strict as its provider's."""

import re
from pathlib import Path

import pytest

from tests.routes import ROUTES
from tests.strict_servers import StrictServer, taught

ROOT = Path(__file__).parent.parent
PROVIDERS = "openai|anthropic|ollama_chat|gemini|groq|deepseek|azure|mistral|openrouter|xai"
TEXTS = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.py")]
NAMED = sorted(
    {
        name
        for path in TEXTS
        for name in re.findall(rf'"((?:{PROVIDERS})/[\w.:/-]+)"', path.read_text())
    }
)
# Behind which server a name stands; names of nobody in particular stand behind a llama.cpp server.
BY_NAME = {route.model: route for route in ROUTES.values()}


@pytest.mark.parametrize("name", NAMED)
def test_it_teaches(name, tmp_path, monkeypatch):
    for provider in ("OPENAI", "ANTHROPIC", "GROQ"):
        monkeypatch.setenv(f"{provider}_API_KEY", "none")
    family = name.replace("gpt-4o", "gpt-4o-mini") if name.endswith("gpt-4o") else name
    route = BY_NAME.get(family, ROUTES["llama.cpp"])
    with StrictServer(route) as server:
        weight, teacher = taught(server, tmp_path / "answers.sqlite")
    assert weight >= 0.9
    assert teacher.metrics()["failed"] == 0


def test_the_readme_names_some():
    assert {"anthropic/claude-sonnet-4-5", "ollama_chat/qwen3", "openai/gpt-4o-mini"} <= {*NAMED}
