"""MiniWoB's small web tasks in a real browser, from the HTML in the PyPI package `miniwob` (MIT). Extras `[browser,worlds]`.

    with MiniWoB("login-user", seed=3) as world:     # or MiniWoB(task, seed, chromium=one that several share)
        world.reset()                                # also world.reset({"task": ..., "seed": ...}): another task in the same page
        page = world.observe()                       # Page(key, title, elements, text); ids are of the last observation
        why = world.act(Action("type", page.elements[1].id, "hello"))   # "" where it was done
        page = world.step(Action("click", ...))      # act and observe at once; `world.why` has what prevented it
        world.utterance, world.done, world.reward    # the task in words; whether it has ended; -1.0 to 1.0, no penalty for time

`tasks()` lists the names. What is shown has kinds text, button, link, input, checkbox, radio, select, option, slider, scroller,
shape (of a drawing: "red circle", with its box) and image; the actions are a browser's. The same task and seed is the same page.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clew.errors import MissingExtra, UsageError
from clew.tasks.environments.acts import SCRIPTS
from clew.tasks.environments.browser import Browser, Chromium, inside
from clew.tasks.graph import Action, Page

WITHOUT = ("#reward-display", "#sync-task-cover", "#click-canvas", "#query")
LONGEST = 2**31 - 1  # milliseconds of an episode; a larger number a timer takes for none at all
LOADING = 60.0  # seconds for a page to load: on a busy machine a browser may be late
SIZE = (500, 400)  # tasks are 160 x 210, some open windows of their own beside


def folder() -> Path:
    """Where the tasks lie; the package itself, which wants other libraries, is not imported."""
    spec = importlib.util.find_spec("miniwob")
    if spec is None or spec.origin is None:
        raise MissingExtra("worlds", "MiniWoB")
    return Path(spec.origin).parent / "html" / "miniwob"


def tasks() -> list[str]:
    """The names of the tasks there are, in order."""
    return sorted(p.stem for p in folder().glob("*.html"))


class MiniWoB(Browser):
    """One task at a time: `reset`, `observe`, `act`, and `reward` when it is `done`."""

    def __init__(self, task: str = "click-test", seed: int | str = 0, chromium: Chromium | None = None) -> None:
        _known(task)
        super().__init__(chromium, without=WITHOUT, size=SIZE, scripts=(SCRIPTS["seeded"],))
        self.task, self.seed = task, seed
        self.utterance, self.done, self.reward, self.why = "", False, 0.0, ""

    def reset(self, config: Mapping[str, Any] | None = None) -> None:
        """The task from its beginning; config may name another `task` or `seed`."""
        self._alive()
        self._begin(config)

    @inside
    def _begin(self, config: Mapping[str, Any] | None) -> None:
        self.task, self.seed = _known((config or {}).get("task", self.task)), (config or {}).get("seed", self.seed)
        if self._context is None:
            self.open()
        self.page.mouse.move(SIZE[0] - 1, SIZE[1] - 1)
        self.page.goto((folder() / f"{self.task}.html").as_uri(), wait_until="load", timeout=1000 * LOADING)
        self.page.evaluate(
            "([seed, most]) => { core.EPISODE_MAX_TIME = most; Math.seedrandom(seed); core.startEpisodeReal(); }", [str(self.seed), LONGEST]
        )
        self.utterance, self.done, self.reward, self.why = "", False, 0.0, ""
        self.settle()
        said = self.page.evaluate("core.getUtterance()")
        self.utterance = said if isinstance(said, str) else said["utterance"]  # some give its parts too, which would be telling
        self._score()

    @inside
    def act(self, action: Action) -> str:
        """Do it; "" where it was done. Nothing can be done when the task has ended."""
        self.why = "the task has ended" if self.done else super().act(action)
        if not self.done:
            self._score()
        return self.why

    def step(self, action: Action) -> Page:
        """Do it and look; `why` has what prevented it, if anything did."""
        self.act(action)
        return self.observe()

    def over(self) -> bool:
        """Whether the task has ended."""
        return bool(self.page.evaluate("WOB_DONE_GLOBAL"))

    def _score(self) -> None:
        self.done, self.reward = self.page.evaluate("[WOB_DONE_GLOBAL, WOB_RAW_REWARD_GLOBAL]")


def environment(config: Mapping[str, Any]) -> MiniWoB:
    """The task and seed that the configuration names."""
    return MiniWoB(config.get("task", "click-test"), config.get("seed", 0))


def _known(task: str) -> str:
    if not (folder() / f"{task}.html").is_file():
        raise UsageError(f"MiniWoB has no task {task!r}; it has {', '.join(tasks()[:5])} and {len(tasks()) - 5} more: see tasks()")
    return task
