"""Questions: what is recalled and why, and several views' answers side by side."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from clew.errors import ClewError, UsageError
from clew.serve.inspector import pieces
from clew.serve.inspector.frame import PAGES, Visit, note, page
from clew.serve.inspector.markup import Html, el, url
from clew.serve.inspector.visiting import Moment, Name, Seen, Text
from clew.types import Hit

router = APIRouter()
COUNTS = ("5", "10", "20", "50")
VIEWS = 4  # side by side at most
BESIDE = 6  # hits of each


@router.get("/recall")
def recall(
    visit: Seen,
    q: Text = "",
    recipe: Name = "",
    k: Annotated[int, Query(ge=1, le=200)] = 10,
    as_of: Moment = "",
    valid_at: Name = "",
) -> Response:
    """The memories that answer, best first, with each scorer's share."""
    answers = None
    if q.strip():
        options = {"as_of": None if as_of == "" else as_of, "valid_at": valid_at or None, "recipe": recipe or None}
        hits = visit.sight.recall(q, user=visit.user, k=k, **options)
        told = f"{len(hits)} memories" + (f" as of {as_of}" if as_of != "" else "") + (f", what held at {valid_at}" if valid_at else "")
        listed = pieces.found(visit, hits, as_of=as_of if isinstance(as_of, int) else None)
        answers = el("section", el("p", told, class_="soft"), listed, id="answers", aria_label="Answers")
    also = el("p", el("a", "Ask other views the same", href=visit.link("compare", q=q)), class_="after") if answers else None
    return page(
        visit,
        "Recall",
        _question(visit, q, recipe, k, as_of, valid_at),
        answers or el("p", "The bar under each answer shows what its score is made of.", class_="soft"),
        also,
        lead="Ask, and see why.",
    )


def _question(visit: Visit, q: str, recipe: str, k: int, as_of: int | str, valid_at: str) -> Html:
    names = visit.sight.recipes()
    more = [
        pieces.systems(names, recipe) if len(names) > 1 else None,
        pieces.choice("How many", "k", [(n, n) for n in COUNTS], str(k)),
        pieces.field("Known by then (as of)", "as_of", as_of, placeholder="a place in the log, or an instant"),
        pieces.field("Held then (valid at)", "valid_at", valid_at, placeholder="2026-03-04T12:00:00+01:00"),
    ]
    chosen = bool(recipe or as_of != "" or valid_at or k != 10)
    return el(
        "form",
        el("input", type="hidden", name="user", value=visit.picked),
        asked(q),
        el("details", el("summary", "Clocks and views"), el("div", more, class_="fields"), open=chosen),
        method="get",
        action=url(f"{PAGES}/recall"),
        class_="question",
        role="search",
    )


def asked(q: str) -> Html:
    """The question itself."""
    field = el(
        "input",
        type="search",
        name="q",
        id="q",
        value=q,
        placeholder="Where does Ana live?",
        autocomplete="off",
        aria_label="Question",
        autofocus=not q,
    )
    return el("div", field, el("button", "Ask", class_="main"), class_="asked")


@router.get("/compare")
def compare(visit: Seen, q: Text = "", view: Annotated[list[str] | None, Query(max_length=50)] = None) -> Response:
    """The same question to several memory systems, or to generations of their views."""
    offered = _offered(visit)
    chosen = [v for v in dict.fromkeys(view or [v for v, _ in offered[:3]]) if v in dict(offered)][:VIEWS]
    columns = [_column(visit, q, each, dict(offered)[each]) for each in chosen] if q.strip() else []
    shared = _shared([hits for _, hits in columns])
    boxes = [
        el("label", el("input", type="checkbox", name="view", value=value, checked=value in chosen), el("span", words), class_="tickbox")
        for value, words in offered
    ]
    form = el(
        "form",
        el("input", type="hidden", name="user", value=visit.picked),
        asked(q),
        el("fieldset", el("legend", f"Views, at most {VIEWS}", class_="soft"), boxes, class_="boxes"),
        method="get",
        action=url(f"{PAGES}/compare"),
        class_="question",
    )
    told = note(f"{shared} of these answers rest on the same words in every view.") if shared is not None else None
    beside = el("div", [column for column, _ in columns], class_="beside", data_columns=len(columns)) if columns else None
    return page(visit, "Compare", form, told, beside, lead="One question, several memory systems over the same log, side by side.")


def _offered(visit: Visit) -> list[tuple[str, str]]:
    """(value, words) of the views that can be asked: each recipe as it serves; for admins every other generation too."""
    found = [(name, name) for name in visit.sight.recipes()]
    if visit.may("generations", whole=True):
        names = visit.sight.recipes()
        found += [
            (f"{g.recipe}@{g.id}", f"{g.recipe}, generation {g.id} ({g.state})")
            for g in visit.sight.generations()
            if g.state != "serving" and g.recipe in names
        ]
    return found


def _column(visit: Visit, q: str, view: str, words: str) -> tuple[Html, list[Hit]]:
    recipe, at, generation = view.partition("@")
    try:
        if at and not generation.isdecimal():
            raise UsageError(f"a generation is a number, got {generation!r:.40}")
        hits = (
            visit.sight.beside(int(generation), q, user=visit.user, k=BESIDE)
            if at
            else visit.sight.recall(q, user=visit.user, k=BESIDE, recipe=recipe)
        )
        inside = pieces.found(visit, hits)
    except ClewError as error:  # one view that cannot be asked does not take the others away
        hits, inside = [], note(str(error), "wrong")
    return el("section", el("h2", words), inside, class_="panel"), hits


def _shared(columns: list[list[Hit]]) -> int | None:
    """How many events stand behind the hits of every column; None where there is nothing to compare."""
    sets = [{s.seq for hit in hits for s in hit.memory.sources} for hits in columns]
    return len(set.intersection(*sets)) if len(sets) > 1 and all(sets) else None
