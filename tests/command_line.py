"""The command line, in this process."""

import re

from typer.testing import CliRunner

from gym_llmteacher.cli import app

runner = CliRunner()


def run(*args, code=0):
    """What a command prints, without colours; it ends with this code."""
    result = runner.invoke(app, [str(a) for a in args], env={"COLUMNS": "80"})
    assert result.exit_code == code, result.output
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)
