"""The README on a package index: its links lead to the repository, where the files are."""

import re
from pathlib import Path

from setuptools import setup

REPOSITORY = "https://github.com/gym-llmteacher/gym-llmteacher"


def readme() -> str:
    """README.md, with the links and pictures of this repository made absolute."""
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^\]]*\])\((?!http|#)([^)]+)\)", rf"\1({REPOSITORY}/raw/main/\2)", text)
    return re.sub(
        r"(?<!!)(\[[^\]]*\])\((?!http|#)([^)]+)\)", rf"\1({REPOSITORY}/blob/main/\2)", text
    )


setup(long_description=readme(), long_description_content_type="text/markdown")
