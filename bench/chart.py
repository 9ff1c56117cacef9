"""A bar chart as SVG, readable on light and on dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LABELS, _NUMBERS = 860, 300, 70
_BAR, _GAP, _TOP = 13, 14, 62
_MOST_SERIES = 3
_STYLE = """\
<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .ground { fill: #ffffff }
  .bar0 { fill: #0969da } .bar1 { fill: #9a6700 } .bar2 { fill: #6e7781 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .ground { fill: #0d1117 }
    .bar0 { fill: #58a6ff } .bar1 { fill: #d29922 } .bar2 { fill: #8b949e }
  }
</style>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The bars of one subject.

    Attributes:
        label: The subject.
        values: By the name of the series; a series that is not in it has no bar.
    """

    label: str
    values: Mapping[str, float]


def chart(title: str, unit: str, series: Sequence[str], groups: Sequence[Group]) -> str:
    """Return the SVG of horizontal bars, those of a group below each other.

    Args:
        title: Above the chart.
        unit: Of the values.
        series: The names of the series, at most three, in the order of their bars.
        groups: The groups, of which each has a value.

    Raises:
        ValueError: There is nothing to show, or there are more series than colours.
    """
    most = max((value for group in groups for value in group.values.values()), default=0.0)
    if most <= 0 or len(series) > _MOST_SERIES:
        raise ValueError("a chart needs a value above zero, and at most three series")
    scale = (_WIDTH - _LABELS - _NUMBERS) / most
    parts, y = list[str](), _TOP
    for group in groups:
        shown = [(index, name) for index, name in enumerate(series) if name in group.values]
        middle = y + len(shown) * _BAR / 2 + 5
        parts.append(f'<text x="{_LABELS - 12}" y="{middle:.0f}" text-anchor="end">{escape(group.label)}</text>')
        for index, name in shown:
            value = group.values[name]
            width = max(value * scale, 1)
            parts.append(f'<rect class="bar{index}" x="{_LABELS}" y="{y}" width="{width:.1f}" height="{_BAR - 2}"/>')
            parts.append(f'<text x="{_LABELS + width + 6:.1f}" y="{y + _BAR - 3}">{value:.1f} {escape(unit)}</text>')
            y += _BAR
        y += _GAP
    legend, x = list[str](), _LABELS
    for index, name in enumerate(series):
        legend.append(f'<rect class="bar{index}" x="{x}" y="{_TOP - 26}" width="11" height="11"/>')
        legend.append(f'<text x="{x + 17}" y="{_TOP - 16}">{escape(name)}</text>')
        x += 40 + 8 * len(name)
    size = f'viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{escape(title)}</title>",
            _STYLE,
            f'<rect class="ground" width="{_WIDTH}" height="{y}" rx="6"/>',
            f'<text class="title" x="16" y="24">{escape(title)}</text>',
            *legend,
            *parts,
            "</svg>",
            "",
        ]
    )
