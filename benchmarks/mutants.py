"""How many small faults the tests notice, by module, from ``mutmut results --all true``.

``make mutants`` runs it. *untested*: no test of those that pyproject.toml names reaches the code.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping


def counted(lines: Iterable[str]) -> dict[str, Counter[str]]:
    """Verdicts by module.

    >>> counted(["    gym_llmteacher.prior.x_blend__mutmut_1: killed", "other"])
    {'gym_llmteacher.prior': Counter({'killed': 1})}
    """
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        name, mark, verdict = line.strip().partition(": ")
        if mark and verdict != "not checked":
            found[name.rpartition(".")[0]][verdict] += 1
    return dict(found)


def table(verdicts: Mapping[str, Counter[str]]) -> str:
    """As Markdown; one who loops for ever is noticed, too.

    >>> print(table({"prior": Counter({"killed": 2, "survived": 1, "timeout": 1})}))
    | module | noticed | survived | untested |
    |---|---|---|---|
    | prior | 3 of 4 (75%) | 1 | 0 |
    """
    lines = ["| module | noticed | survived | untested |", "|---|---|---|---|"]
    for module, counts in sorted(verdicts.items()):
        survived, untested = counts["survived"], counts["no tests"]
        total = counts.total()
        noticed = total - survived - untested
        share = f"{noticed} of {total} ({noticed / total:.0%})"
        lines.append(f"| {module} | {share} | {survived} | {untested} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(counted(sys.stdin)))
