"""What can be done on a page, each act by its name: a function of Playwright's page and the action, "" where it was done.

The elements that actions name are those which the last observation of the page kept (`observe.js`); clicks are the mouse's, so
that what lies over an element is in the way here too. Only what lies wholly under other controls, as where a page's layout puts one
upon another, is pressed with the keyboard, which reaches it still.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clew.errors import UsageError
from clew.tasks.graph import Action

LONGEST = 10.0  # seconds that `wait` may wait
DRAWN = 80  # milliseconds until the mouse meets what a page shows after it was scrolled
EMPTY = "about:blank"
SCRIPTS = {p.stem: p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("*.js")}


def _point(page: Any, action: Action) -> tuple[float, float] | str:
    """Where an action's element is, in pixels from the window's corner, or why it cannot be reached by the mouse."""
    x, y = _numbers(action.text, 2) if action.kind in ("click", "double", "hover") and action.text else (None, None)
    if not action.element and x is not None and y is not None:
        return x, y
    if not action.element.isdigit():
        return f"{action.kind} needs the id of an element of the page as last observed, or a point; got {action.element!r}"
    place = page.evaluate(SCRIPTS["press"], int(action.element))
    if "why" in place:
        return f"{action.kind} {action.element}: {place['why']}"
    if place["moved"]:  # where the mouse goes down, what stood there before is hit until the scrolled page is drawn under it
        page.mouse.move(place["x"], place["y"])
        page.wait_for_timeout(DRAWN)
    if x is None or y is None:
        return place["x"], place["y"]
    box = page.evaluate("n => { const r = __clew.shown[n].e.getBoundingClientRect(); return [r.left, r.top] }", int(action.element))
    return box[0] + x, box[1] + y


def _handle(page: Any, action: Action) -> Any:
    """Playwright's handle of an action's element, or None."""
    if not action.element.isdigit():
        return None
    return page.evaluate_handle("n => ((window.__clew || {}).shown || [])[n]?.e ?? null", int(action.element)).as_element()


def _numbers(text: str, *counts: int) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) not in counts:
        raise UsageError(f"{' or '.join(map(str, counts))} numbers with commas between them are needed; got {text!r}")
    return found


def _mouse(page: Any, action: Action) -> str:
    where = _point(page, action)
    if isinstance(where, str):
        return where
    if action.kind == "hover":
        page.mouse.move(*where)
    else:
        page.mouse.click(*where, click_count=2 if action.kind == "double" else 1)
    return ""


def _click(page: Any, action: Action) -> str:
    handle = _handle(page, action)
    if handle is not None and handle.evaluate("e => e.tagName") == "OPTION":
        return _select(page, action)
    why = _mouse(page, action)
    if not why or handle is None or action.text:
        return why
    key = page.evaluate(SCRIPTS["press"], int(action.element)).get("key")
    return _press(page, Action("press", action.element, key)) if key else why


def _type(page: Any, action: Action) -> str:
    if not action.element:
        page.keyboard.type(action.text)
        return ""
    handle = _handle(page, action)
    if handle is None:
        return f"type {action.element}: there is no such element on the page as last observed"
    if handle.evaluate("e => e.matches('input:is([type=date],[type=time],[type=month],[type=week],[type=color],[type=datetime-local])')"):
        handle.fill(action.text)
        return ""
    if why := _mouse(page, Action("click", action.element)):
        return why
    held = handle.evaluate(
        "e => { if (e.select) e.select(); else if (e.isContentEditable) getSelection().selectAllChildren(e); return e.value || e.innerText || '' }"
    )
    if held:
        page.keyboard.press("Delete")
    page.keyboard.type(action.text)
    return ""


def _press(page: Any, action: Action) -> str:
    if action.element and (handle := _handle(page, action)) is not None:
        handle.focus()
    page.keyboard.press(action.text)
    return ""


def _select(page: Any, action: Action) -> str:
    handle = _handle(page, action)
    tag = None if handle is None else handle.evaluate("e => e.tagName")
    if handle is None or tag not in ("OPTION", "SELECT"):
        return f"select {action.element}: it is no option and no select but {tag or 'nowhere'}"
    if tag == "SELECT":
        handle.select_option(label=action.text)
    else:
        owner = handle.evaluate_handle("e => e.closest('select')").as_element()
        index, others = handle.evaluate(
            "e => { const s = e.closest('select'); return [e.index, s.multiple ? [...s.selectedOptions].map(o => o.index) : []] }"
        )
        owner.select_option(
            index=[*others, index] if index not in others else [i for i in others if i != index]
        )  # of many: as with Control held
    return ""


def _check(page: Any, action: Action) -> str:
    handle = _handle(page, action)
    if handle is None:
        return f"{action.kind} {action.element}: there is no such element on the page as last observed"
    on = handle.evaluate("e => e.tagName === 'INPUT' ? e.checked : e.getAttribute('aria-checked') === 'true'")
    return "" if on == (action.kind == "check") else _click(page, Action("click", action.element))


def _slide(page: Any, action: Action) -> str:
    """By the keyboard, as sliders of every make can be moved; a native one takes its number at once."""
    handle = _handle(page, action)
    if handle is None:
        return f"slide {action.element}: there is no such element on the page as last observed"
    if handle.evaluate("e => e.matches('input[type=range]')"):
        handle.fill(action.text)
        return ""
    handle.focus()
    for _ in range(abs(int(action.text))):
        page.keyboard.press("ArrowRight" if int(action.text) > 0 else "ArrowLeft")
    return ""


def _scroll(page: Any, action: Action) -> str:
    script = """(e, way) => { const at = e || document.scrollingElement, step = 0.8 * at.clientHeight;
        at.scrollTop = way === "top" ? 0 : way === "bottom" ? at.scrollHeight : at.scrollTop + (way === "up" ? -step : step) }"""
    page.evaluate(f"([e, way]) => ({script})(e, way)", [_handle(page, action), action.text or "down"])
    return ""


def _drag(page: Any, action: Action) -> str:
    onto = action.text.isdigit()
    by = [0.0, 0.0] if onto else _numbers(action.text, 2, 4)
    start = _point(page, Action("click", action.element, ",".join(map(str, by[:-2]))))
    end = _point(page, Action("click", action.text)) if onto else start
    if isinstance(start, str) or isinstance(end, str):
        return start if isinstance(start, str) else str(end)
    end = end[0] + by[-2], end[1] + by[-1]
    mouse = page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move(*end, steps=8)
    mouse.up()
    return ""


def _mark(page: Any, action: Action) -> str:
    handle = _handle(page, action)
    if handle is None:
        return f"mark {action.element}: there is no such element on the page as last observed"
    handle.evaluate("e => { if (e.select) e.select(); else getSelection().selectAllChildren(e) }")
    return ""


def _go(page: Any, action: Action) -> str:
    page.goto(action.text, wait_until="load")
    return ""


def _back(page: Any, action: Action) -> str:
    was = page.url
    page.go_back()
    if page.url not in (was, EMPTY):
        return ""
    if page.url == EMPTY != was:
        page.go_forward()  # there was nothing before the first page
    if len(page.context.pages) == 1:
        return "there is no page to go back to"
    page.close()  # a window of its own: the one before is seen again
    return ""


def _wait(page: Any, action: Action) -> str:
    page.wait_for_timeout(1000 * min(float(action.text or 1), LONGEST))
    return ""


ACTS: Mapping[str, Callable[[Any, Action], str]] = {
    "click": _click,
    "double": _mouse,
    "hover": _mouse,
    "type": _type,
    "press": _press,
    "select": _select,
    "check": _check,
    "uncheck": _check,
    "slide": _slide,
    "scroll": _scroll,
    "drag": _drag,
    "mark": _mark,
    "go": _go,
    "back": _back,
    "wait": _wait,
}
