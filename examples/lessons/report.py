"""The report of all lessons: every table and picture, as Markdown and as a page of HTML.

Read before: `common.py`, for what a run keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from . import seeds
from .common import Check, Picture, Run, Table, Text, verdict

STYLE = """
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #222; }
img { max-width: 100%; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd; text-align: left; }
.no { color: #b00; font-weight: bold; }
"""


def write(runs: Iterable[Run], folder: Path, before: Mapping[tuple[str, str], list[dict]]) -> tuple[Path, Path]:
    """Write `report.md` and `report.html` beside the pictures of the runs; their paths.

    before  what earlier runs with other seeds said of a claim, by lesson and claim
    """
    runs = list(runs)
    summary = Table(
        ["lesson", "claim", "this run", "measured", "other seeds"],
        [
            [
                run.name,
                said.claim,
                verdict(said.holds),
                "; ".join(map(str, said.effects)),
                _over_seeds(run, said, before),
            ]
            for run in runs
            for said in run.kept
            if isinstance(said, Check)
        ],
    )
    first = Text(f"Setting: {runs[0].size}. The pictures lie beside this file.")
    markdown = ["# The lessons\n", *map(_markdown, (first, summary))]
    page = ["<h1>The lessons</h1>", *map(_html, (first, summary))]
    for run in runs:
        markdown += [f"## {run.name}\n", f"*{run.sentence}*\n", *map(_markdown, run.kept)]
        page += [f"<h2>{run.name}</h2>", f"<p><em>{escape(run.sentence)}</em></p>", *map(_html, run.kept)]
    paths = folder / "report.md", folder / "report.html"
    paths[0].write_text("\n".join(markdown), encoding="utf-8")
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>The lessons</title><style>{STYLE}</style>'
    paths[1].write_text("\n".join([head, *page, "</html>"]), encoding="utf-8")
    return paths


def write_seeds(records: list[dict], folder: Path) -> Path:
    """Write `seeds.md`, how often each claim held; its path."""
    path = folder / "seeds.md"
    path.write_text(
        f"# How often the claims of the lessons hold\n\n{_markdown(seeds.table(records))}", encoding="utf-8"
    )
    return path


def _over_seeds(run: Run, said: Check, before: Mapping[tuple[str, str], list[dict]]) -> str:
    found = before.get((run.name, said.claim))
    return f"{seeds.share(found)}: {seeds.measured(found)}" if found else "not run: --seeds 20"


def _markdown(said: Text | Table | Picture | Check) -> str:
    match said:
        case Text(words):
            return f"{words}\n"
        case Table(header, rows):
            lines = (header, ["---"] * len(header), *rows)
            return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
        case Picture(file, caption):
            return f"![{caption}]({file})\n\n{caption}\n"
        case Check():
            return f"**{verdict(said.holds)}**: {said}\n"


def _html(said: Text | Table | Picture | Check) -> str:
    match said:
        case Text(words):
            return f"<p>{escape(words)}</p>"
        case Table(header, rows):
            body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
            return f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in header)}</tr>{body}</table>"
        case Picture(file, caption):
            image = f'<img src="{escape(file)}" alt="{escape(caption)}">'
            return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"
        case Check():
            kind = "no" if said.holds is False else "yes"
            return f'<p class="{kind}">{verdict(said.holds)}: {escape(str(said))}</p>'
