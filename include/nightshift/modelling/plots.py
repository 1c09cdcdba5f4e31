"""Pictures beside the numbers, as PNG bytes."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nightshift.core.metrics import Floats
from nightshift.core.sanity import curve

INK, BLUE, GREY, RED, GREEN = "#1f2933", "#2563a8", "#9aa5b1", "#b3261e", "#2e7d4f"
DOTS_PER_INCH = 110
MOST_BARS = 15


def _axes(title: str, width: float = 5.2, height: float = 4.2) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _plain(axes, title)
    return figure, axes


def _plain(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=9)


def _png(figure: Figure) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=DOTS_PER_INCH)
    return sink.getvalue()


def roc(labels: Floats, predictions: Floats, auc: float) -> bytes:
    """True against false positive rate of the holdout."""
    order = np.argsort(-predictions, kind="stable")
    positive = labels[order] == 1
    figure, axes = _axes(f"ROC on the holdout, AUC {auc:.3f}")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="by chance")
    found, wrong = np.cumsum(positive) / max(positive.sum(), 1), np.cumsum(~positive) / max((~positive).sum(), 1)
    axes.plot(np.append(0, wrong), np.append(0, found), color=BLUE, linewidth=1.8, label="challenger")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return _png(figure)


def calibration(labels: Floats, predictions: Floats) -> bytes:
    """Mean label against mean prediction, in ten groups of equal size."""
    said, true = curve(labels, predictions)
    ends = [float(min(said.min(), true.min())), float(max(said.max(), true.max()))]
    figure, axes = _axes(f"Calibration on the holdout, {len(labels):,} rows")
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--", label="perfect")
    axes.plot(said, true, color=BLUE, linewidth=1.8, marker="o", markersize=5, label="a tenth of the rows each")
    axes.set(xlabel="mean prediction", ylabel="mean label")
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return _png(figure)


def importance(by_column: Mapping[str, float], metric: str) -> bytes:
    """By how much the metric worsens when one column is shuffled, the most important on top."""
    ranked = sorted(by_column.items(), key=lambda item: item[1])[-MOST_BARS:]
    figure, axes = _axes("What the challenger relies on", height=1.2 + 0.24 * len(ranked))
    axes.barh([name for name, _ in ranked], [value for _, value in ranked], color=BLUE, height=0.65)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel(f"{metric} gets worse by, when the column is shuffled")
    return _png(figure)


def verdict(document: Mapping[str, Any], title: str) -> bytes:
    """The gain over the champion with its interval, for all rows and for each group of each slice.

    `document`: a verdict as stored, and `rows`, the rows of the comparison. The dashed line is the gain needed.
    """
    rows = _rows(document)
    values = f"{document['metric']} {document['challenger']:.4f}, champion {document['champion']:.4f}"
    figure, axes = _axes(f"{title}\n{values}", width=7.2, height=2.1 + 0.3 * len(rows))
    colour = GREEN if document["promote"] else RED
    for height, (name, gain, low, high) in enumerate(reversed(rows)):
        whole = name.startswith("all rows")
        axes.plot(
            [low, high], [height, height], color=colour if whole else BLUE, linewidth=4 if whole else 2, alpha=0.55
        )
        axes.plot(gain, height, "o", color=colour if whole else BLUE, markersize=8 if whole else 6)
    axes.axvline(0, color=INK, linewidth=0.8)
    if document["min_gain"]:
        axes.axvline(document["min_gain"], color=GREY, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(rows)), [row[0] for row in reversed(rows)])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    sure = f"{100 * document['confidence']:.4g} % one-sided bounds"
    axes.set_xlabel(f"← worse      gain in {document['metric']} ({sure})      better →", fontsize=9)
    return _png(figure)


def _rows(document: Mapping[str, Any]) -> list[tuple[str, float, float, float]]:
    low, high = document["interval"]
    groups = [one for one in document["slices"] if one["gain"] is not None]
    return [
        (f"all rows ({document['rows']:,})", document["gain"], low, high),
        *((f"{g['slice']} {g['group']} ({g['rows']:,})", g["gain"], g["low"], g["high"]) for g in groups),
    ]
