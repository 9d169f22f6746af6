"""The report of a scored run: report.md, report.json and pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nlq.evaluation.metrics import Interval
from nlq.evaluation.plots import plot
from nlq.evaluation.run import Folder, Run
from nlq.evaluation.scores import CaseScore, Scores, dumps
from nlq.evaluation.summary import Summary, summaries, worst

_EXAMPLES = {
    "cold": "only those that nlq ships",
    "warm": "those that nlq ships and the other cases of the sets, those of the same index left out",
    "store": "the examples database as it was, those of the same index left out",
    "own": "the examples database as it was, those of the same index too",
}
_UNITS = {"flops": "FLOPs", "prompt_tokens": "prompt tokens"}
_MOST_SHOWN = 400


def write_report(folder: Folder, scores: Scores, *, half: str | None = None) -> Path:
    """Write the report of all cases, or of one half of each set; the path of its text. ConfigError where matplotlib
    is missing."""
    run = folder.read()
    found = summaries(scores, half=half)
    pictures = {s.name: plot(s, folder.path, select=scores.select) for s in found}
    text = "\n".join(_report(run, scores, found, pictures=pictures, half=half))
    path = folder.path / "report.md"
    path.write_text(text + "\n", encoding="utf-8")
    data = {"select": scores.select, "subsets": scores.subsets, "half": half, "summaries": [asdict(s) for s in found]}
    (folder.path / "report.json").write_text(dumps(data), encoding="utf-8")
    return path


def _report(
    run: Run | None,
    scores: Scores,
    found: Sequence[Summary],
    *,
    pictures: dict[str, tuple[Path, Path]],
    half: str | None,
) -> Iterator[str]:
    yield "# Evaluation"
    yield ""
    yield from _conditions(run)
    if half:
        yield f"- Half {half} of each set only."
    yield (
        f"- Coverage@k is the unbiased estimator; precision@k is a mean over {scores.subsets} random subsets of k "
        "candidates, at the full number the choice among all. Intervals: 95 %, bootstrap over cases."
    )
    yield ""
    yield from overview(found, select=scores.select)
    for summary in found:
        yield from _section(summary, scores.select, pictures[summary.name])
    yield from _worst(worst(scores, half=half), scores.select)


def _conditions(run: Run | None) -> Iterator[str]:
    if run is None:
        return
    chosen = ", ".join(f"{key} {value}" for key, value in run.chosen.items() if value is not None)
    machine = run.machine
    yield f"- `{run.command}`, {run.date}"
    yield f"- {run.model}; Elasticsearch {run.engine}; nlq {run.versions.get('nlq')}"
    yield f"- {machine.get('cpu')}, {machine.get('cores')} cores, {machine.get('memory_gib')} GiB"
    yield f"- Cases: {chosen}. Links: {run.asked.links}.{' No schema.' if run.asked.free else ''}"
    yield f"- Examples ({run.asked.examples}): {_EXAMPLES[run.asked.examples]}."


def overview(found: Sequence[Summary], *, select: str) -> Iterator[str]:
    """A table with one line a set."""
    head = ["set", "cases", "n", "greedy", "single", f"{select}", "best rule", "coverage", "gap"]
    rows = []
    for s in found:
        top = max(s.rules, key=lambda name: s.rules[name].precision.mean)
        gap = s.covered.mean - s.rules[select].precision.mean
        share = [_interval(s.greedy), _interval(s.single), _interval(s.rules[select].precision)]
        best = f"{top} {_percent(s.rules[top].precision.mean)}"
        rows.append([s.name, s.cases, s.n, *share, best, _interval(s.covered), _percent(gap)])
    yield from table(head, rows)
    yield ""


def _section(s: Summary, select: str, pictures: tuple[Path, Path]) -> Iterator[str]:
    yield f"## {s.name}"
    yield ""
    yield f"![Coverage and precision by the number of candidates]({pictures[0].name})"
    yield ""
    yield from _curve(s)
    yield ""
    law = s.law
    yield (
        "The power law log c ≈ a·k^b has too few points between 0 and 1 to be fitted."
        if math.isnan(law.a)
        else f"Power law log c ≈ a·k^b: a = {law.a:.3f} ± {law.a_error:.3f}, b = {law.b:.3f} ± {law.b_error:.3f}, "
        f"off by {100 * law.rms:.2f} points (root mean square)."
    )
    yield ""
    yield from _groups(s, select)
    yield ""
    yield from _stops(s, select)
    yield ""
    yield from _calibration(s)
    yield ""
    yield f"![Reliability of the confidence of {select}]({pictures[1].name})"
    yield ""
    yield from table(["candidates", "number"], [[k.replace("_", " "), v] for k, v in s.outcomes.items()])
    yield ""
    yield from table(["per question", "mean"], [[_UNITS.get(k, k), _number(v)] for k, v in s.costs.items()])
    yield ""


def _curve(s: Summary) -> Iterator[str]:
    ks = sorted({k for rule in s.rules.values() for k in rule.by_k})
    yield from table(
        ["% right with k =", *ks, "interval"],
        [
            ["coverage", *(_percent(s.coverage[k - 1]) for k in ks), _interval(s.covered)],
            *(
                [name, *(_percent(rule.by_k.get(k, math.nan)) for k in ks), _interval(rule.precision)]
                for name, rule in s.rules.items()
            ),
            ["distinct queries", *(f"{s.distinct_queries[k - 1]:.1f}" for k in ks), ""],
            ["distinct results", *(f"{s.distinct_results[k - 1]:.1f}" for k in ks), ""],
        ],
    )


def _groups(s: Summary, select: str) -> Iterator[str]:
    shares = ("greedy", "single", "precision", "coverage")
    rows = [
        [name, part.cases, *(_percent(getattr(part, share)) for share in shares)] for name, part in s.groups.items()
    ]
    yield from table(["group", "cases", "greedy", "single", select, "coverage"], rows)


def _stops(s: Summary, select: str) -> Iterator[str]:
    rows = [["none", _number(s.costs["samples"]), _interval(s.rules[select].precision)]]
    rows += [[name, _number(stop.samples), _interval(stop.precision)] for name, stop in s.stops.items()]
    yield from table(["stopping rule", "samples", f"{select}, % right"], rows)


def _calibration(s: Summary) -> Iterator[str]:
    rows = [[name, _number(rule.calibration_error), _number(rule.brier)] for name, rule in s.rules.items()]
    yield from table(["confidence of", "expected calibration error", "Brier"], rows)


def _worst(cases: Sequence[CaseScore], select: str) -> Iterator[str]:
    yield f"## Wrong, and surest of it ({select})"
    yield ""
    for case in cases:
        right = f"{case.hits} of {case.n} candidates are right"
        yield f"### {case.id}: {case.question}"
        yield ""
        sure = case.chosen[select].confidence
        yield f"{case.set}, index {case.index}, group {case.group or 'none'}; confidence {sure:.2f}, {right}."
        yield ""
        yield f"- wanted: {_code(json.dumps(case.gold, ensure_ascii=False))}" if case.gold else "- no query is known"
        yield from (f"- linked: {value}" for value in case.values)
        yield from (f"- shown: {shot}" for shot in case.shots)
        yield from _trail(case)
        yield ""


def _trail(case: CaseScore) -> Iterator[str]:
    """Its candidates, those of one text together, the leading group's first."""
    texts: dict[str, list[int]] = {}
    for place, tried in enumerate(case.tried):
        texts.setdefault(tried.text, []).append(place)
    last = len(case.tried)
    for text, places in sorted(texts.items(), key=lambda item: _place(case.tried[item[1][0]].group, last)):
        tried = case.tried[places[0]]
        what = (
            "right"
            if tried.right
            else "empty"
            if tried.empty
            else "wrong"
            if tried.group is not None
            else tried.outcome
        )
        origin = f", {tried.origin} ({tried.edit})" if tried.edit else ""
        reason = f": {tried.reason}" if tried.reason else ""
        yield f"- {len(places)} × {what}{origin} {_code(text)}{reason}"


def _place(group: int | None, last: int) -> int:
    return last if group is None else group


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A Markdown table."""
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _code(text: str) -> str:
    short = text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"
    return f"`{' '.join(short.replace('`', chr(0x2019)).split())}`"


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f}"


def _interval(interval: Interval) -> str:
    if math.isnan(interval.mean):
        return "–"
    return f"{_percent(interval.mean)} [{_percent(interval.low)}, {_percent(interval.high)}]"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}" if value < 1e5 else f"{value:.2e}"
