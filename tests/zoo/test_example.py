"""The example runs as it stands."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "zoo.sh"


def test_it_trains_plays_and_films(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", str(EXAMPLE), "1024", "out"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Mean reward" in done.stdout
    (film,) = (tmp_path / "out").rglob("*.mp4")
    assert film.stat().st_size > 1000
