"""What a demonstration tells, told twice: on the terminal while it runs, and as one HTML page that needs nothing else."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from textwrap import fill

from clew.cli.terminal import clock, out

WIDTH = 100  # columns of the terminal's text
STYLE = """
:root { --ink: #1d2b33; --soft: #5c6f78; --line: #d8dfe2; --paper: #fbfaf7; --thread: #b3372f; --good: #1f7a55; }
* { box-sizing: border-box }
body { font: 17px/1.55 Georgia, 'Iowan Old Style', serif; color: var(--ink); background: var(--paper);
  max-width: 46rem; margin: 0 auto; padding: 3rem 1.2rem }
h1 { font-size: 2.1rem; margin: 0 0 .3rem } h1 span { color: var(--thread) }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .2rem; padding-top: 1rem; border-top: 1px solid var(--line) }
p { margin: .5rem 0 }
.soft { color: var(--soft) }
.asked { font-weight: bold; margin-top: 1.6rem }
blockquote { margin: .4rem 0 .4rem 0; padding: .2rem 0 .2rem 1rem; border-left: 3px solid var(--thread) }
blockquote footer, .ranks, table, pre { font: 13.5px/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, monospace }
blockquote footer, .ranks { color: var(--soft) }
.ranks b { color: var(--thread) }
table { border-collapse: collapse; margin: .8rem 0; width: 100% }
th { text-align: left; color: var(--soft); font-weight: normal }
th, td { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top }
td:not(:first-child), th:not(:first-child) { text-align: right }
pre { white-space: pre-wrap; background: #f0efe9; padding: .7rem 1rem; border-radius: 4px }
.good { color: var(--good) } .bad { color: var(--thread); font-weight: bold }
footer.last { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft) }
@media print { body { background: #fff; font-size: 11pt; padding: 0; max-width: none }
  h2, blockquote, table { break-inside: avoid } }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e3dc; --soft: #97a5ab; --line: #344047; --paper: #171d21;
  --thread: #e5766b; --good: #6fca9f }
  pre { background: #20282d } }
@media print { :root { --ink: #000; --soft: #444; --line: #bbb; --paper: #fff;
  --thread: #8f2a24; --good: #14543a } pre { background: #f4f4f4 } }
"""


class Story:
    """Chapters, quotes and tables, in order. What is printed and what the page says are the same words."""

    def __init__(self, title: str, lead: str) -> None:
        self._html = [f"<h1>{escape(title.partition(' ')[0])} <span>{escape(title.partition(' ')[2])}</span></h1>"]
        self._chapters = 0
        self.checks: list[tuple[bool, str]] = []  # (held, what was checked), in order
        out.print(title, style="bold")
        self.text(lead)

    def chapter(self, title: str) -> None:
        """A numbered heading."""
        self._chapters += 1
        out.print(f"\n{self._chapters}. {title}", style="bold")
        self._html.append(f"<h2>{self._chapters}. {escape(title)}</h2>")

    def text(self, words: str, *, mark: str = "") -> None:
        """A paragraph; mark is "good" or "bad" for the outcome of a check, "soft" for an aside."""
        out.print(fill(words, WIDTH), style={"good": "green", "bad": "bold red", "soft": "dim"}.get(mark))
        self._html.append(f'<p class="{mark}">{escape(words)}</p>')

    def check(self, held: bool, words: str) -> None:
        """The outcome of something that must hold."""
        self.checks.append((held, words))
        self.text(f"{'yes' if held else 'NO'}: {words}", mark="good" if held else "bad")

    def asked(self, question: str, note: str = "") -> None:
        """A question, and how it is asked where that is not plain."""
        out.print(f"\n   {question}" + (f"  ({note})" if note else ""), style="bold")
        aside = f' <span class="soft">({escape(note)})</span>' if note else ""
        self._html.append(f'<p class="asked">{escape(question)}{aside}</p>')

    def quote(self, words: str, speaker: str | None, at: datetime | None, note: str = "") -> None:
        """The exact words, who said them and when; `note` says how they were found."""
        who = f"{speaker or 'unknown'}, {clock(at)}"
        out.print(fill(f"“{words}”", WIDTH - 3, initial_indent="   ", subsequent_indent="    "))
        out.print(f"    — {who}" + (f"   {note}" if note else ""), style="dim")
        ranks = f'<div class="ranks">{escape(note)}</div>' if note else ""
        self._html.append(f"<blockquote>{escape(words)}<footer>{escape(who)}</footer>{ranks}</blockquote>")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Rows under a head; the first column is text, the others numbers."""
        cells = [[str(cell) for cell in row] for row in [head, *rows]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
        for row in cells:
            out.print(
                "   " + "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))),
            )
        lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in cells[1:]]
        first = "".join(f"<th>{escape(cell)}</th>" for cell in cells[0])
        self._html.append(f"<table><tr>{first}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>")

    def code(self, lines: str) -> None:
        """Lines as they are: a command, its output."""
        out.print("\n".join(f"   {line}" for line in lines.splitlines()))
        self._html.append(f"<pre>{escape(lines)}</pre>")

    def write(self, path: Path, last: str) -> None:
        """The page, ended by a line about how it was made."""
        head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Clew</title><style>{STYLE}</style>'
        body = "\n".join(self._html)
        path.parent.mkdir(parents=True, exist_ok=True)
        body += f'<footer class="last">{escape(last)}</footer>'
        page = f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'
        path.write_text(page, encoding="utf-8")
