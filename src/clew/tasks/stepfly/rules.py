"""The Mentor's rules: each reads a guide and yields what it notes. What they look for is in their docstrings."""

import re
from collections.abc import Iterator

from clew.tasks.graph import END
from clew.tasks.stepfly import extraction, fields
from clew.tasks.stepfly.database import schema, trouble
from clew.tasks.stepfly.extraction import ENDING, GO, OTHERWISE, TOGETHER
from clew.tasks.stepfly.guide import Block, Guide, Sentence, Step
from clew.tasks.stepfly.mentor import Issue, Rule, Sources
from clew.tasks.stepfly.plugins import PLACEHOLDER, listed, varying, written_out
from clew.tasks.stepfly.predicates import LABEL, NUMBER, compiled

VAGUE = re.compile(
    r"\b(?:too (?:high|low|many|few|slow|long|large)|high|low|poor|bad|slow|many|few|large|small|enough|sufficient(?:ly)?|significant(?:ly)?"
    r"|abnormal(?:ly)?|unusual(?:ly)?|excessive(?:ly)?|elevated|degraded|unhealthy|spik\w*|a lot of|looks? (?:wrong|off|odd|bad|strange|stuck)"
    r"|acceptable|reasonable|normal)\b",
    re.I,
)
_DO = re.compile(
    r"\b(?:run|execute|check|quer(?:y|ies)|collect|retrieve|list|identify|compare|analy[sz]e|evaluate|inspect|look|open|restart|verify|confirm"
    r"|proceed|continue|go|escalate|notify|consolidate|report|focus|start|disable|recommend|count|measure|find|read|use|close|end)\b",
    re.I,
)
_IN_PROSE = re.compile(
    r"\b(?:run|execute|use) (?:the|this|a) (?:following )?(?:quer(?:y|ies)|sql|statement)\b|\bquery the (?:database|table|logs?)\b", re.I
)
_MEMORY = re.compile(r"\b(?:get_data\(\s*['\"](?P<a>\w+?)(?:_result)?['\"]|results? of (?P<b>PLUGIN_\d+|step \d+(?:\.\d+)*))", re.I)
_FROM = re.compile(r"(?<!EPOCH )\b(?:FROM|JOIN)\s+([A-Za-z_]\w*)", re.I)
_WITH = re.compile(r"(?:\bWITH\s+(?:RECURSIVE\s+)?|,\s*)([A-Za-z_]\w*)\s+AS\s*\(", re.I)
_REFERRED = re.compile(r"\bsteps?\s+(\d+(?:\.\d+)*)", re.I)


def conditions(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """CP: a condition that decides the way, and has neither number nor label: nobody can say when it holds."""
    for step in guide.steps:
        for sentence, text in _deciding(step):
            tables = fields.tables(step)
            if tables and NUMBER.search(text) and compiled(text, tables, fields.definitions(step)) is None:
                told = f"No column of the step's results is named by {text!r}."
                yield Issue(sentence.line, "CP", "unclear measure", told, "Name the column that the number is compared with.")
            vague = VAGUE.search(text)
            if vague or not (NUMBER.search(text) or LABEL.search(text)):
                why = f"{text!r}: " + (f"{vague[0]!r} has no number." if vague else "It has neither a number nor a status.")
                yield Issue(sentence.line, "CP", "unquantifiable condition", why, "Give a threshold with its unit, or a status.")


def _deciding(step: Step) -> Iterator[tuple[Sentence, str]]:
    """(sentence, condition) of the conditions of a step that lead somewhere."""
    deciding = {c for way in extraction.ways(Guide("", "", (step,)))[step.id] for c in way.conditions if c != OTHERWISE}
    for sentence in step.sentences:
        for condition in deciding:
            if condition in sentence.text:
                yield sentence, condition


def vague_findings(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """CP: a sentence after a query that tells to pick out rows by a word that measures nothing."""
    for step in guide.steps:
        last = max((b.line for b in step.blocks), default=0)
        for s in step.sentences:
            picks = last and s.line > last and re.match(r"(?:identify|focus on|find|pick|look for|note)\b", s.text, re.I)
            if picks and VAGUE.search(s.text) and not NUMBER.search(s.text) and not LABEL.search(s.text):
                told = f"{VAGUE.search(s.text)[0]!r} in {s.text!r} measures nothing."  # type: ignore[index]
                yield Issue(s.line, "CP", "unquantifiable condition", told, "Give a threshold, or a status that the query writes.")


def contradictions(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """CP: a sentence that gives a label other numbers than the query that writes it."""
    for step in guide.steps:
        for block in fields.queries(step):
            meant = {
                m[2]: m[1]
                for m in re.finditer(r"WHEN\s+((?:(?!\bWHEN\b|\bTHEN\b).)+?)\s+THEN\s+'([A-Z][A-Z0-9_]+)'", block.code, re.I | re.S)
            }
            for sentence in step.sentences:
                for label, told in re.findall(r"\b([A-Z][A-Z0-9_]{3,})\s*\(([^)]*)\)", sentence.text):
                    said, written = _numbers(told), _numbers(meant.get(label, ""))
                    if said and written and not said <= written:
                        why = f"{label}: the text says {_told(said)}, the query {_told(written)}."
                        yield Issue(sentence.line, "CP", "contradicting threshold", why, "Write the same numbers in both.")


def _numbers(text: str) -> set[tuple[str, float]]:
    return {(m["op"], float(m["number"].replace(",", ""))) for m in NUMBER.finditer(text)}


def _told(found: set[tuple[str, float]]) -> str:
    return ", ".join(f"{op} {number:g}" for op, number in sorted(found))


def idle(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """CP: a step that tells to do nothing: no code, no parameters to collect, no verb that could be carried out."""
    for step in guide.steps:
        if (
            not step.blocks
            and not listed(step)
            and step.sentences
            and not _has_parts(guide, step)
            and not any(extraction.actions(step))
            and not any(_DO.search(GO.sub("", ENDING.sub("", s.text))) for s in step.sentences)
        ):
            yield Issue(
                step.line, "CP", "non-actionable step", f"Step {step.number} says nothing that could be done.", "Say what to run or check."
            )


def _has_parts(guide: Guide, step: Step) -> bool:
    return any(s.number.startswith(f"{step.number}.") for s in guide.steps)


def ways_on(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """CF: steps that do not say where to go on, name steps that are not there, or cannot be reached; an end that is not marked."""
    known = {s.number for s in guide.steps}
    for place, step in enumerate(guide.steps):
        for sentence in step.sentences:
            together = TOGETHER.search(sentence.text)
            named = _REFERRED.findall(sentence.text) + (extraction.listed(together) if together else [])
            for number in dict.fromkeys(n for n in named if n not in known):
                yield Issue(sentence.line, "CF", "unknown step", f"There is no step {number}.", "Name a step that is there.")
        last = place == len(guide.steps) - 1
        said = extraction.said(step)
        if last and not any(ENDING.search(s.text) for s in step.sentences):
            yield Issue(step.line, "CF", "unmarked end", "The last step does not say that the guide ends there.", "Say that it is the end.")
        if last or any(w.target and (not w.conditions or OTHERWISE in w.conditions) for w in said):
            continue
        if said:
            told = f"Step {step.number} says where to go if a condition holds, and not where if it does not."
            yield Issue(step.line, "CF", "missing branch", told, "Add a sentence that begins with Otherwise and names a step.")
        elif not _has_parts(guide, step):
            yield Issue(step.line, "CF", "missing next step", f"Step {step.number} does not say where to go on.", "Name the next step.")


def reach(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """CF: steps that no way leads to, and steps from which no way leads to the end."""
    ways = extraction.ways(guide)
    into = {w.target for id, mine in ways.items() for w in mine if w.target != id}
    for step in guide.steps:
        if step.id not in into:
            yield Issue(step.line, "CF", "unreachable step", f"No way leads to step {step.number}.", "Lead to it, or take it out.")
        seen, held = set[str](), [step.id]
        while held:
            id = held.pop()
            seen.add(id)
            held += [w.target for w in ways.get(id, ()) if w.target not in seen]
        if END not in seen:
            yield Issue(step.line, "CF", "no way to the end", f"From step {step.number} on, the guide goes round in a circle.", "Break it.")


def inputs(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """DF: a query's blank that nobody fills, and a result that no step before has made."""
    given, made = set(sources.provided), set[str]()
    for step in guide.steps:
        given |= set(listed(step)) if not step.blocks else set()
        for block in fields.queries(step):
            for name in dict.fromkeys(PLACEHOLDER.findall(block.code)):
                if name not in given:
                    given.add(name)  # once is enough
                    told = f"{fields.named(step, block)} needs {name}, which no step before collects."
                    where = _where(block, f"{{{name}}}")
                    yield Issue(where, "DF", "unknown input source", told, "List it among the parameters to be collected.")
            made |= {fields.named(step, block)}
        made |= {f"step {step.number}"}
        for number, text in _lines(step):
            for match in _MEMORY.finditer(text):
                name = (match["a"] or match["b"]).lower()
                if name not in made:
                    yield Issue(number, "DF", "result not made yet", f"No step before gives {name}.", "Name a result of an earlier step.")


def _lines(step: Step) -> Iterator[tuple[int, str]]:
    for sentence in step.sentences:
        yield sentence.line, sentence.text
    for block in step.blocks:
        if block not in fields.queries(step):
            yield from enumerate(block.code.splitlines(), block.line)


def asking(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """DI: a query that is told but not given, or has a time or place written out; a block whose language nothing says."""
    columns = varying(guide)
    for step in guide.steps:
        asks = fields.queries(step)
        for sentence in step.sentences:
            if _IN_PROSE.search(sentence.text) and not asks:
                yield Issue(
                    sentence.line, "DI", "query in words", "The step tells of a query and gives none.", "Give the query as a block."
                )
        for block in step.blocks:
            if not block.language and block.closed and block.code.strip():
                yield Issue(
                    block.line - 1, "DI", "unknown language", "Nothing says what language the block is in.", "Name it at the fence."
                )
        for block in asks:
            for name, value, (start, _) in written_out(block.code, columns):
                told, line = f"{name} is written out as {value!r}.", block.line + block.code[:start].count("\n")
                yield Issue(line, "DI", "hard-coded parameter", told, f"Write {{{name}}} instead.", (value, f"{{{name}}}"))


def _where(block: Block, text: str) -> int:
    return next((n for n, line in enumerate(block.code.splitlines(), block.line) if text in line), block.line)


def running(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """DI: a query that the database cannot prepare: an unknown table or column, an ambiguous name, a mistake in the grammar."""
    if sources.database is None:
        return
    tables = schema(sources.database)
    for step in guide.steps:
        for block in fields.queries(step):
            unknown = set(_FROM.findall(block.code)) - {n for name in tables for n in (name, name.lower())} - set(_WITH.findall(block.code))
            for name in sorted(unknown):
                yield Issue(_where(block, name), "DI", "missing schema", f"There is no table {name}.", f"There are {', '.join(tables)}.")
            if unknown or not (why := trouble(sources.database, PLACEHOLDER.sub("0", block.code))):
                continue
            column = re.fullmatch(r"ambiguous column name: (\w+)", why)
            if column is None:
                yield Issue(block.line, "DI", "query cannot run", f"The database says: {why}.", "Correct the query.")
            else:
                yield from _ambiguous(block, column[1], why)


def _ambiguous(block: Block, column: str, why: str) -> Iterator[Issue]:
    """One note a line that has the bare name within the part of the query that joins, with the first table's alias put before it."""
    lines = block.code.splitlines()
    bare = re.compile(rf"(?<![\w.]){column}(?!\w)")
    joins = next((n for n, line in enumerate(lines) if re.match(r"\s*(?:LEFT |INNER |CROSS )?JOIN\b", line, re.I)), None)
    if joins is None:
        yield Issue(block.line, "DI", "ambiguous column", f"The database says: {why}.", "Put the table's name before it.")
        return
    first = max((n for n in range(joins) if re.match(r"\s*FROM\b", lines[n], re.I)), default=joins)
    begin = max((n for n in range(first) if re.search(r"\bSELECT\b", lines[n], re.I)), default=0)
    end = next((n for n in range(joins, len(lines)) if re.match(r"\s*\)", lines[n])), len(lines))
    name = re.match(r"\s*FROM\s+(\w+)(?:\s+(?:AS\s+)?(?!JOIN|WHERE|LEFT|INNER|CROSS)(\w+))?", lines[first], re.I)
    alias = (name[2] or name[1]) if name else column
    for number in range(begin, end):
        if bare.search(lines[number]) and not re.search(rf"(?:AS|THEN)\s+{column}\s*,?\s*$", lines[number], re.I):
            fix = (column, f"{alias}.{column}")
            yield Issue(
                block.line + number, "DI", "ambiguous column", f"{column} is in more than one of the tables.", f"Write {fix[1]}.", fix
            )


def shape(guide: Guide, sources: Sources) -> Iterator[Issue]:
    """PS: steps twice, out of order or left out, at different levels, without title or words; blocks that are never closed; no steps at all."""
    if not guide.steps:
        yield Issue(1, "PS", "no steps", "No heading names a step.", "Begin each step with a heading such as ## Step 1 - Title.")
    before: Step | None = None
    levels: dict[int, int] = {}
    for step in guide.steps:
        depth = step.number.count(".")
        if levels.setdefault(depth, step.level) != step.level:
            yield Issue(
                step.line, "PS", "inconsistent heading", f"Step {step.number} has another level than its fellows.", "Use one level."
            )
        if not step.title:
            yield Issue(step.line, "PS", "missing title", f"Step {step.number} has no title.", "Give it one.")
        if not step.sentences and not step.blocks and not _has_parts(guide, step):
            yield Issue(step.line, "PS", "empty step", f"Step {step.number} has no words.", "Fill it, or take it out.")
        for block in step.blocks:
            if not block.closed:
                yield Issue(block.line - 1, "PS", "unclosed block", "The block is never closed.", "Close it where the code ends.")
        for sentence in step.sentences:
            if re.match(r"Step\s+\d+(?:\.\d+)*\s*[-:.–—]\s*\S", sentence.text) and not sentence.item:
                told = f"{sentence.text!r:.60} stands like a heading and is none."
                yield Issue(sentence.line, "PS", "missing heading", told, "Mark it as a heading.")
        if before is not None and (note := _order(before.number, step.number)):
            yield Issue(
                step.line, "PS", note, f"Step {step.number} comes after step {before.number}.", "Number the steps in order, each once."
            )
        before = step


def _order(before: str, now: str) -> str:
    a, b = [int(n) for n in before.split(".")], [int(n) for n in now.split(".")]
    if a == b:
        return "duplicate step"
    level = min(len(a), len(b))
    if b[:level] < a[:level]:
        return "step out of order"
    follows = b == [*a, 1] or any(b == [*a[:i], a[i] + 1] for i in range(level))
    return "" if follows else "gap in numbers"


RULES: tuple[Rule, ...] = (conditions, vague_findings, contradictions, idle, ways_on, reach, inputs, asking, running, shape)
