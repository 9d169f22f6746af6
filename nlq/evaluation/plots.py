"""Pictures of a summary. Needs matplotlib, which the extra "eval" brings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nlq.errors import without_extra
from nlq.evaluation.summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE = (6.4, 4.4)
_DPI = 110


def plot(summary: Summary, folder: Path, *, select: str) -> tuple[Path, Path]:
    """Writes curves-NAME.png (coverage and precision by k) and reliability-NAME.png (of the rule ``select``); their
    paths. ConfigError without matplotlib."""
    paths = folder / f"curves-{summary.name}.png", folder / f"reliability-{summary.name}.png"
    for path, figure in zip(paths, (_curves(summary), _reliability(summary, select)), strict=True):
        figure.savefig(path, dpi=_DPI)
    return paths


def _figure() -> Figure:
    """Without pyplot: no window, nothing global to close."""
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise without_extra("The report", "eval") from exc
    return Figure(figsize=_SIZE, layout="constrained")


def _curves(summary: Summary) -> Figure:
    figure = _figure()
    axes = figure.add_subplot()
    ks = list(range(1, summary.n + 1))
    axes.plot(ks, [100 * c for c in summary.coverage], color="black", linewidth=2, label="coverage")
    if summary.law.a == summary.law.a:  # not NaN
        axes.plot(ks, [100 * summary.law.at(k) for k in ks], color="grey", linestyle=":", label="power law")
    for name, rule in summary.rules.items():
        axes.plot(list(rule.by_k), [100 * p for p in rule.by_k.values()], marker="o", markersize=3, label=name)
    if summary.greedy.mean == summary.greedy.mean:
        axes.axhline(100 * summary.greedy.mean, color="grey", linestyle="--", linewidth=1, label="greedy")
    if summary.n > 1:
        axes.set_xscale("log", base=2)
    axes.set_xticks(powers := [k for k in ks if k & (k - 1) == 0 or k == summary.n], labels=list(map(str, powers)))
    axes.minorticks_off()
    axes.set(xlabel="candidates", ylabel="% right", title=f"{summary.name}: {summary.cases} cases")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", ncols=2)
    return figure


def _reliability(summary: Summary, select: str) -> Figure:
    figure = _figure()
    axes = figure.add_subplot()
    rule = summary.rules[select]
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.bar([(b.low + b.high) / 2 for b in rule.bins], [b.accuracy for b in rule.bins], width=0.09, alpha=0.6)
    axes.plot([b.confidence for b in rule.bins], [b.accuracy for b in rule.bins], color="black", marker="o")
    for b in rule.bins:
        axes.annotate(str(b.count), ((b.low + b.high) / 2, 0.01), ha="center", fontsize="small")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share right")
    axes.set_title(f"{summary.name}, {select}: expected calibration error {rule.calibration_error:.3f}")
    return figure
