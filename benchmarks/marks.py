"""Tables that a script writes into a page, between its marks."""

from __future__ import annotations

from pathlib import Path


def write_between_marks(page: Path, script: str, table: str) -> None:
    """Replace what stands between ``<!-- script: begin -->`` and ``<!-- script: end -->``."""
    begin, end = f"<!-- {script}: begin -->\n", f"<!-- {script}: end -->\n"
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}{table}{end}{rest.partition(end)[2]}")
