"""Self-contained HTML pages: no script, no font, nothing fetched, so that a commit shows them for ever."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2733}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.2rem .8rem .2rem 0;text-align:left;"
    "border-bottom:1px solid #dde3ea;font-variant-numeric:tabular-nums}"
    ".bar{display:inline-block;height:.7rem;background:#3a7ca5}svg{max-width:100%;height:auto}"
)


def page(title: str, *parts: str) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en">{head}\n<h1>{escape(title)}</h1>\n' + "\n".join(parts) + "\n"


def heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in header)}</tr>"]
    lines += [f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def bars(counts: Mapping[str, int]) -> str:
    """A bar chart in plain HTML; widths are shares of the greatest count."""
    most = max(counts.values(), default=1) or 1
    lines = [
        f'<tr><td>{escape(name)}</td><td><span class="bar" style="width:{12 * count / most:.2f}rem"></span> '
        f"{count}</td></tr>"
        for name, count in counts.items()
    ]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))
