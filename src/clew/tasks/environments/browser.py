"""A real browser as an environment: Playwright over the system's Chromium. Extra `[browser]`.

    with Browser() as world:
        world.reset({"address": "https://example.org/"})
        page = world.observe()
        why = world.act(Action("click", page.elements[0].id))  # "" where it was done

Actions: click, double, hover (an element, with "x,y" as text a point within it), type (replaces what a field holds), press
(a key such as Enter, Tab, ArrowDown, Control+a), select (an option of a select, or its text), check and uncheck, slide (a slider:
by so many steps; a native one to that number), scroll (down, up, top or bottom), mark (selects the words of an element),
drag (onto the element whose id is the text, by "dx,dy" pixels, or from a point within it by "x,y,dx,dy"), go (an address),
back, wait (seconds, from the last act on). type and press without an element go where the cursor is. A press that shows no effect
is given 0.4 seconds for one, as is a field that offers a list as one types.

Chromium is what CLEW_CHROMIUM names, or the system's. Playwright's pages belong to one thread, so a browser has one of its own
and everything is done there; any thread may call, one at a time. `page` itself is for that thread alone.
"""

import functools
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

from clew.errors import MissingExtra, UsageError
from clew.tasks.environments.acts import ACTS, SCRIPTS
from clew.tasks.graph import Action, Element, Page
from clew.tasks.page import page_key, page_text

try:
    from playwright.sync_api import Error, Route, sync_playwright
except ImportError as missing:
    raise MissingExtra("browser", "a browser as an environment") from missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-first-run",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
)
PATIENCE = 5.0  # seconds for a page to load or an act to be carried out
STILL, RESTLESS = 30, 600  # milliseconds without change after which a page is at rest, and after which nobody waits any more
LATE, OFFERED = 500, 1500  # milliseconds for which an effect is waited where there is none at once: menus open late, lists of offers later
SUGGESTS = """() => { const e = document.activeElement;
    return !!e && e.matches('[role=combobox],[aria-autocomplete],[aria-haspopup=listbox],[list],[autocomplete=off]') }"""  # it offers a list
PRESSES = frozenset({"click", "double", "hover"})
MOST = 300  # elements of a page


def chromium() -> str | None:
    """The browser that is used: CLEW_CHROMIUM, the system's, or None for the one that Playwright brought."""
    return os.environ.get("CLEW_CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


P = ParamSpec("P")
R = TypeVar("R")
W = TypeVar("W", bound="Browser")


def inside(method: Callable[Concatenate[W, P], R]) -> Callable[Concatenate[W, P], R]:
    """A method of a browser that is carried out in the browser's own thread, whoever calls."""

    @functools.wraps(method)
    def called(self: W, *arguments: P.args, **options: P.kwargs) -> R:
        return self.chromium.inside(functools.partial(method, self, *arguments, **options))

    return called


class Chromium:
    """One running browser process; several environments may share it. Half a second to start."""

    def __init__(self, *, headless: bool = True, sandbox: bool = False) -> None:
        self._thread = ThreadPoolExecutor(1, "chromium")
        self._ident = self._thread.submit(threading.get_ident).result()
        flags = [*FLAGS, *([] if sandbox else ["--no-sandbox"])]  # a container has no user namespaces for the sandbox
        try:
            self._playwright, self.browser = self.inside(lambda: _launched(headless, flags))
        except Error as error:
            self._thread.shutdown()
            raise UsageError(
                f"Chromium did not start from {chromium()!r}: {_first(error)}; install it or set CLEW_CHROMIUM to its path"
            ) from error

    def inside(self, work: Callable[[], R]) -> R:
        """What the work gives, done in the thread that Playwright belongs to."""
        return work() if threading.get_ident() == self._ident else self._thread.submit(work).result()

    def close(self) -> None:
        """End the process; harmless again."""
        if self._ident:
            self.inside(self._end)
            self._thread.shutdown()
            self._ident = 0

    def _end(self) -> None:
        if self.browser.is_connected():
            self.browser.close()
        self._playwright.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Browser:
    """A page in a browser, with cookies and storage of its own. Without a `chromium` it starts one and ends it when closed."""

    def __init__(
        self,
        chromium: Chromium | None = None,
        *,
        hosts: tuple[str, ...] | None = None,  # that may be asked; None is all
        without: tuple[str, ...] = (),  # CSS selectors of what is not shown
        size: tuple[int, int] = (1024, 768),
        scripts: tuple[str, ...] = (),  # run before any script of a page
    ) -> None:
        self._own = chromium is None
        self.chromium = chromium or Chromium()
        self._without, self._size, self._hosts, self._scripts = list(without), size, hosts, scripts
        self._context: Any = None
        self.page: Any = None
        self._known: list[Any] = []  # pages whose dialogs are heard
        self._kinds: list[str] = []  # of the elements of the last observation
        self._acted = 0.0  # when the last act was done, on the clock of time.monotonic
        self.said: list[str] = []  # what dialogs of the page said; they are accepted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @inside
    def open(self) -> None:
        """An empty page without history, cookies or storage."""
        if self._context is not None:
            self._context.close()
        self._known.clear()
        width, height = self._size
        self._context = self.chromium.browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        for script in (SCRIPTS["watch"], *self._scripts):
            self._context.add_init_script(script)
        if self._hosts is not None:
            self._context.route("**/*", self._allowed)
        self._show(self._context.new_page())
        self.said.clear()

    def _show(self, page: Any) -> None:
        page.set_default_timeout(1000 * PATIENCE)
        if page not in self._known:
            self._known.append(page)
            page.on("dialog", self._dialog)
        self.page = page

    def _newest(self) -> None:
        if self._context.pages and self._context.pages[-1] is not self.page:
            self._show(self._context.pages[-1])

    def _alive(self) -> None:
        """A new browser in place of its own, where that has ended."""
        if self._own and not self.chromium.browser.is_connected():
            self.chromium.close()
            self.chromium, self._context, self.page = Chromium(), None, None

    def reset(self, config: Mapping[str, Any] | None = None) -> None:
        """A fresh page at config["address"], in a new browser where the old one has crashed; UsageError where it cannot be reached."""
        address = (config or {}).get("address")
        if not isinstance(address, str) or not urlsplit(address).scheme:
            raise UsageError(f'a browser is reset to {{"address": "https://..."}}; got {address!r}')
        self._alive()
        self.open()
        if why := self.act(Action("go", text=address)):
            raise UsageError(f"{address} was not opened: {why}")

    @inside
    def observe(self) -> Page:
        """The page as it is now, the whole of it, what must be scrolled to included."""
        self._newest()
        try:
            seen = self.page.evaluate(SCRIPTS["observe"], [self._without, MOST])
        except Error:  # it is being replaced by another
            try:
                self.settle()
                seen = self.page.evaluate(SCRIPTS["observe"], [self._without, MOST])
            except Error as error:
                raise UsageError(f"the page cannot be looked at: {_first(error)}; reset the browser") from error
        elements = tuple([_element(i, e) for i, e in enumerate(seen["elements"])])
        self._kinds = [e.kind for e in elements]
        place = f"{seen['title']} {urlsplit(seen['address']).path}"
        key = page_key(place, [f"{e['kind']} {e['path']}" for e in seen["elements"]])
        return Page(key, seen["title"], elements, page_text(elements))

    @inside
    def act(self, action: Action) -> str:
        """Do it and wait until the page is still; "" where it was done, otherwise what prevented it."""
        doing = ACTS.get(action.kind)
        if doing is None:
            raise UsageError(f"a browser has no action {action.kind!r}; it has {', '.join(ACTS)}")
        if self.page is None:
            raise UsageError('nothing is open: reset({"address": ...}) first')
        try:
            if action.element and not self.page.evaluate("() => ((window.__clew || {}).shown || []).length"):
                self.observe()  # ids are of an observation: after a reset, as when acts are repeated, there is none yet
            if action.kind == "wait":  # from the last act on, not from when it was seen to be over
                action = Action("wait", text=str(max(0.0, float(action.text or 1) - (time.monotonic() - self._acted))))
            before = self._sight() if self._presses(action) else None
            why, late = doing(self.page, action), LATE
            self._acted = time.monotonic()
            if action.kind == "type" and not why and self.page.evaluate(SUGGESTS):
                before, late = self._sight(), OFFERED
        except Error as error:
            why, before, late = _first(error), None, 0
        self.settle()
        if before is not None and not why and not self.over() and self._sight(before, late) != before:
            self.settle()
        return why

    def _presses(self, action: Action) -> bool:
        """Whether an act may have an effect that comes late."""
        known = action.element.isdigit() and int(action.element) < len(self._kinds)
        return action.kind in PRESSES and not (known and self._kinds[int(action.element)] in ("text", "input"))

    def over(self) -> bool:
        """Whether nothing is to be expected of the page any more, so that nobody need wait for it."""
        return False

    def _sight(self, was: str | None = None, most: int = 0) -> str | None:
        """What can be seen, in short; None where the page is being replaced. An act that shows no effect is given `most` milliseconds."""
        try:
            return self.page.evaluate(SCRIPTS["sight"], [was, most])
        except Error:
            return None

    @inside
    def settle(self) -> None:
        """Wait until the page has loaded and stopped changing, at most RESTLESS milliseconds after loading.

        Where another window was opened it is that one's page, and where it was closed, that of the one before.
        """
        for _ in range(2):
            self._newest()
            try:
                self.page.wait_for_load_state("domcontentloaded")
                self.page.evaluate(SCRIPTS["settle"], [STILL, RESTLESS])
            except Error:  # it went elsewhere meanwhile: the new one is waited for
                if self.chromium.browser.is_connected() and not self.page.is_closed():
                    self.page.wait_for_load_state("domcontentloaded")
            if not self._context.pages or self._context.pages[-1] is self.page:
                break

    def close(self) -> None:
        """Close the page, and the browser where it is its own."""
        if self._context is not None:
            self._left()
        if self._own:
            self.chromium.close()

    @inside
    def _left(self) -> None:
        if self.chromium.browser.is_connected():
            self._context.close()
        self._context = self.page = None

    def _allowed(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        if self._hosts is not None and (address.scheme in ("data", "blob", "about") or address.hostname in self._hosts):
            route.continue_()
        else:
            route.abort("accessdenied")

    def _dialog(self, dialog: Any) -> None:
        self.said.append(dialog.message)
        dialog.accept()


def _launched(headless: bool, flags: list[str]) -> tuple[Any, Any]:
    playwright = sync_playwright().start()
    try:
        return playwright, playwright.chromium.launch(executable_path=chromium(), headless=headless, args=flags)
    except Error:
        playwright.stop()
        raise


def environment(config: Mapping[str, Any]) -> Browser:
    """A browser; `hosts` limits what may be asked, `without` what is shown. `reset` opens the address."""
    hosts = config.get("hosts")
    return Browser(hosts=None if hosts is None else tuple(hosts), without=tuple(config.get("without", ())))


def _element(place: int, seen: Mapping[str, Any]) -> Element:
    left, top, width, height = seen["box"]
    return Element(str(place), seen["kind"], seen["text"], seen["checked"], seen["value"], (left, top, width, height))


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
