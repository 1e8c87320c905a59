"""What each route of ``tests/routes.py`` had to be asked, and what was learned of it.

Run: ``python -m benchmarks.routes``; it prints the table of docs/which_model.md.
"""

import logging
import os

from gym_llmteacher.llm.accepts import Accepts
from tests.routes import ROUTES
from tests.strict_servers import StrictServer, taught


def learned(accepts: Accepts) -> str:
    """In words; "-" for nothing."""
    said = []
    if accepts.dropped:
        said.append(f"no {', '.join(accepts.dropped)}")
    if accepts.samples:
        said.append(f"{accepts.samples} sample{'s'[: accepts.samples > 1]} per request")
    if accepts.limit != "max_tokens":
        said.append(f"`{accepts.limit}`")
    if accepts.tokens:
        said.append(f"room for {accepts.tokens:,} tokens")
    if not accepts.system:
        said.append("no system message")
    return "; ".join(said) or "-"


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for provider in ("OPENAI", "ANTHROPIC", "GEMINI", "GROQ", "DEEPSEEK", "MISTRAL", "OPENROUTER"):
        os.environ[f"{provider}_API_KEY"] = "none"
    for name, route in ROUTES.items():
        with StrictServer(route) as server:
            weight, teacher = taught(server, ":memory:")
            found = learned(teacher.oracle.client.endpoint.accepts)
            print(f"| {name} | `{route.model}` | {weight:.2f} | {len(server.refusals)} | "
                  f"{server.empty} | {len(server.bodies)} | {found} |")  # fmt: skip
