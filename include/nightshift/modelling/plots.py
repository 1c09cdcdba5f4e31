"""Pictures beside the numbers, as PNG bytes."""

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nightshift.core.metrics import Floats
from nightshift.core.sanity import compute_curve
from nightshift.core.verdict import Verdict

INK, BLUE, GREY, RED, GREEN = "#1f2933", "#2563a8", "#9aa5b1", "#b3261e", "#2e7d4f"
DOTS_PER_INCH = 110
MOST_BARS = 15


def _build_axes(title: str, width: float = 5.2, height: float = 4.2) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _style_axes(axes, title)
    return figure, axes


def _style_axes(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=9)


def _render_png(figure: Figure) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=DOTS_PER_INCH)
    return sink.getvalue()


def draw_roc(labels: Floats, predictions: Floats, auc: float) -> bytes:
    """True against false positive rate of the holdout."""
    order = np.argsort(-predictions, kind="stable")
    positive = labels[order] == 1
    figure, axes = _build_axes(f"ROC on the holdout, AUC {auc:.3f}")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="by chance")
    true_positives, false_positives = (
        np.cumsum(positive) / max(positive.sum(), 1),
        np.cumsum(~positive) / max((~positive).sum(), 1),
    )
    axes.plot(
        np.append(0, false_positives), np.append(0, true_positives), color=BLUE, linewidth=1.8, label="challenger"
    )
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return _render_png(figure)


def draw_calibration(labels: Floats, predictions: Floats) -> bytes:
    """Mean label against mean prediction, in ten groups of equal size."""
    predicted, true = compute_curve(labels, predictions)
    ends = [float(min(predicted.min(), true.min())), float(max(predicted.max(), true.max()))]
    figure, axes = _build_axes(f"Calibration on the holdout, {len(labels):,} rows")
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--", label="perfect")
    axes.plot(predicted, true, color=BLUE, linewidth=1.8, marker="o", markersize=5, label="a tenth of the rows each")
    axes.set(xlabel="mean prediction", ylabel="mean label")
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return _render_png(figure)


def draw_importance(by_column: Mapping[str, float], metric: str) -> bytes:
    """By how much the metric worsens when one column is shuffled, the most important on top."""
    ranked = sorted(by_column.items(), key=lambda item: item[1])[-MOST_BARS:]
    figure, axes = _build_axes("What the challenger relies on", height=1.2 + 0.24 * len(ranked))
    axes.barh([name for name, _ in ranked], [value for _, value in ranked], color=BLUE, height=0.65)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel(f"{metric} gets worse by, when the column is shuffled")
    return _render_png(figure)


def draw_verdict(judged: Verdict, rows: int, title: str) -> bytes:
    """The gain over the champion with its interval, for all rows and for each group of each slice.

    `judged`: a verdict with an interval; `rows`: those of the comparison. The dashed line is the gain needed.
    """
    bars = _list_bars(judged, rows)
    values = f"{judged.metric} {judged.challenger:.4f}, champion {judged.champion:.4f}"
    figure, axes = _build_axes(f"{title}\n{values}", width=7.2, height=2.1 + 0.3 * len(bars))
    colour = GREEN if judged.promote else RED
    for height, (name, gain, low, high) in enumerate(reversed(bars)):
        whole = name.startswith("all rows")
        axes.plot(
            [low, high], [height, height], color=colour if whole else BLUE, linewidth=4 if whole else 2, alpha=0.55
        )
        axes.plot(gain, height, "o", color=colour if whole else BLUE, markersize=8 if whole else 6)
    axes.axvline(0, color=INK, linewidth=0.8)
    if judged.min_gain:
        axes.axvline(judged.min_gain, color=GREY, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(bars)), [bar[0] for bar in reversed(bars)])
    axes.set_ylim(-0.7, len(bars) - 0.3)
    sure = f"{100 * judged.confidence:.4g} % one-sided bounds"
    axes.set_xlabel(f"← worse      gain in {judged.metric} ({sure})      better →", fontsize=9)
    return _render_png(figure)


def _list_bars(judged: Verdict, rows: int) -> list[tuple[str, float, float, float]]:
    low, high = judged.interval or (None, None)
    groups = (
        (f"{group.slice} {group.group}", group.rows, group.gain, group.low, group.high) for group in judged.slices
    )
    bars = (("all rows", rows, judged.gain, low, high), *groups)
    return [
        (f"{name} ({count:,})", gain, low, high)
        for name, count, gain, low, high in bars
        if gain is not None and low is not None and high is not None
    ]
