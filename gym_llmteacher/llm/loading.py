"""Import litellm: lazily, silently, and without its own network calls."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401
import functools
import logging  # noqa: F401
import os
import threading
import warnings
from typing import Any

_loading = threading.RLock()
# Forked in the middle of an import, a child could never import it. A fork waits for that instead.
# Hooks run in the reverse order of registration: those of the modules imported above, which take
# locks that the import itself needs, must have been registered before.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_loading.acquire,
        after_in_parent=_loading.release,
        after_in_child=_loading.release,
    )


def load_litellm() -> Any:
    """Import litellm, silent and without its own network calls (this takes seconds)."""
    with _loading:
        return _load_litellm()


@functools.lru_cache(maxsize=1)
def _load_litellm() -> Any:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
    import httpx
    import litellm

    from gym_llmteacher.llm.provider import register
    from gym_llmteacher.llm.transport import GuardedTransport

    # Its classes are finished when they are first used. Here nobody else uses them at that moment,
    # and a warning of what they are made of, where warnings are errors, fails no question.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        litellm.ModelResponse()
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    register(litellm)
    # One for litellm's own clients, one for the OpenAI client's; a user's own setting wins.
    guard = GuardedTransport()
    if getattr(litellm, "sync_transport", None) is None:
        litellm.sync_transport = guard
    if litellm.client_session is None:
        litellm.client_session = httpx.Client(transport=guard, follow_redirects=True)
    return litellm
