"""The documentation site: ``make docs`` builds it into ``docs/_build``."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from _ext.reference import write_reference

from gym_llmteacher import __version__

project = "gym_llmteacher"
author = "The gym_llmteacher authors"
copyright = f"2026, {author}"
version = release = __version__
REPOSITORY = "https://github.com/gym-llmteacher/gym-llmteacher"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_copybutton"]
exclude_patterns = ["_build", "_ext"]
default_role = "py:obj"  # docstrings name things in single backticks
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_title = f"gym_llmteacher {version}"
html_theme_options = {"source_repository": REPOSITORY, "source_branch": "main",
                      "source_directory": "docs/"}  # fmt: skip


def _link_to_the_repository(app, name, content):
    """Links out of the documentation lead to the files in the repository."""
    content[0] = re.sub(
        r"(?<!!)(\[[^\]]*\])\(\.\./([^)]+)\)", rf"\1({REPOSITORY}/blob/main/\2)", content[0]
    )


def setup(app):
    """Write the reference, and follow links."""
    write_reference(HERE / "reference")
    app.connect("source-read", _link_to_the_repository)
