"""Code that runs where this package is not."""

import subprocess
import sys
import textwrap

_REFUSE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "gym_llmteacher":
            raise ImportError("this package is not here")
sys.meta_path.insert(0, Refuse())
"""


def without_this_package(code, folder, *options):
    """Run code in a process that cannot import this package.

    :param folder: where it runs
    :param options: of the interpreter
    """
    return subprocess.run(
        [sys.executable, *options, "-c", _REFUSE + textwrap.dedent(code)],
        capture_output=True, text=True, cwd=folder, check=False,
    )  # fmt: skip
