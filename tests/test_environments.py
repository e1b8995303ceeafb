"""Environments with the real thing behind each: Chromium over a site of our own and over MiniWoB, and TextWorld's games."""

import importlib.util
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.errors import UsageError
from clew.tasks.crew import replay
from clew.tasks.door import Tasks
from clew.tasks.graph import Action, Edge, Element, Limits, Node, Page, TaskGraph, Verdict
from clew.tasks.page import page_key, page_state, page_text
from clew.tasks.protocols import Job
from clew.tasks.transitions import Transition, event, places, route, transitions
from clew.tasks.vault import Vault

Memory = Callable[..., Clew]
playwright = pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="needs playwright: pip install 'clew[browser]'")
if importlib.util.find_spec("playwright") is not None:
    from clew.tasks.environments.browser import Browser, Chromium
    from clew.tasks.environments.miniwob import MiniWoB, tasks
    from clew.tasks.executors.browser import Acting, find

SHOP = {  # page -> the links on it: the site's map, which is to be found again
    "index": ["list", "help"],
    "list": ["item", "index"],
    "item": ["basket", "list"],
    "basket": ["index", "paid"],
    "help": ["index"],
    "paid": [],
}
WIDGETS = """<!doctype html><title>Widgets</title>
<h1>All kinds</h1>
<form onsubmit="event.preventDefault(); document.getElementById('out').textContent = 'sent ' + new URLSearchParams(new FormData(this))">
<label for=n>Name</label> <input id=n name=name> <input name=code type=password placeholder="Pass code">
<label><input type=checkbox name=news checked> News</label>
<label><input type=radio name=size value=s checked> Small</label><label><input type=radio name=size value=l> Large</label>
<label>Colour <select name=colour><option>red<option>green<option>blue</select></label>
<label>Days <select name=days multiple><option>Mon<option>Tue<option>Wed</select></label>
<label>Loud <input type=range name=loud min=0 max=10 value=2></label>
<label>Day <input type=date name=day></label> <textarea name=more aria-label="More words">old</textarea>
<button>Send</button></form>
<p>A <b>bold</b> word and <a href="#there">a link</a> in a line.</p>
<div id=plain>Open it</div><span class="icon trash" id=bin style="display:inline-block;width:20px;height:20px;background:red"></span>
<div id=log style="height:40px;overflow:auto"><p>one</p><p>two</p><p>three</p><p>four</p></div>
<svg width=100 height=50><circle cx=20 cy=20 r=10 fill=blue /><rect x=50 y=10 width=20 height=20 fill="rgb(255,0,0)" /></svg>
<div id=from style="width:30px;height:30px;background:green">drag</div>
<p style="display:none">hidden words</p><p style="visibility:hidden">unseen words</p><button style="opacity:0">ghost</button>
<p id=out>nothing</p>
<script>
const out = document.getElementById("out"), say = (t) => (out.textContent = t);
document.getElementById("plain").addEventListener("click", () => say("opened"));
document.getElementById("bin").addEventListener("click", () => say(confirm("Really?") ? "binned" : "kept"));
document.getElementById("bin").addEventListener("mouseenter", () => (document.title = "Over the bin"));
let at = null;
document.getElementById("from").addEventListener("mousedown", (e) => (at = [e.clientX, e.clientY]));
addEventListener("mouseup", (e) => at && (say(`moved ${Math.round(e.clientX - at[0])},${Math.round(e.clientY - at[1])}`), at = null));
</script>"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs playwright: pip install 'clew[browser]'")
    try:
        running = Chromium()
    except UsageError as error:
        pytest.skip(f"needs a Chromium: {error}")
    yield running
    running.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A shop of six pages, a page of widgets and one to log in, served from a folder that tests may change."""
    for name, links in SHOP.items():
        rows = "".join(f"<li>thing {i}</li>" for i in range(len(name)))
        (tmp_path / f"{name}.html").write_text(
            f"<!doctype html><title>{name}</title><ul>{rows}</ul>" + "".join(f'<a href="{to}.html">{to}</a> ' for to in links)
        )
    (tmp_path / "widgets.html").write_text(WIDGETS)
    (tmp_path / "login.html").write_text(
        "<!doctype html><title>Log in</title><label>User <input id=u></label><label>Password <input id=p type=password></label>"
        "<button onclick=\"document.title=p.value==='correct-horse'?'Welcome':'Wrong';out.textContent='Hello '+u.value+' '+p.value\">Log in</button>"
        "<p id=out>-</p>"
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path
    server.shutdown()
    server.server_close()
    thread.join()


def the(page: Page, kind: str, text: str = "") -> Element:
    found = [e for e in page.elements if e.kind == kind and text in e.text]
    assert len(found) == 1, (kind, text, page.text)
    return found[0]


def said(world: Any) -> str:
    """The page's last line, where its script tells what happened."""
    return [e.text for e in world.observe().elements if e.kind == "text"][-1]


def pressed(world: Any, name: str) -> list[str]:
    """The texts of the page after its button of that name was pressed."""
    assert world.act(Action("click", the(world.observe(), "button", name).id)) == ""
    return [e.text for e in world.observe().elements if e.kind == "text"]


# -- pages ------------------------------------------------------------------------------------------------------------


def test_the_same_page_with_other_words_values_and_more_rows_has_the_same_key() -> None:
    row = ["text ul>li", "button ul>li>button"]
    assert page_key("Basket 3", ["text h1", *row * 2, "button div>button"]) == page_key(
        "Basket 12", ["text h1", *row * 9, "button div>button"]
    )
    assert page_key("Basket", ["text h1", *row]) != page_key("Basket", ["text h1", *row, "input div>input"])
    assert page_key("Basket", row) != page_key("Help", row)


def test_a_pages_state_changes_with_whatever_can_be_seen() -> None:
    page = Page("k", "t", (Element("0", "checkbox", "News", checked=False), Element("1", "input", "Name", value="")), "text")
    others = [
        replace(page, elements=(replace(page.elements[0], checked=True), page.elements[1])),
        replace(page, elements=(page.elements[0], replace(page.elements[1], value="Ana"))),
        replace(page, text="other"),
        replace(page, elements=page.elements[:1]),
    ]
    assert len({page_state(p) for p in (page, *others)}) == 5 and page_state(page) == page_state(replace(page))


def test_the_text_form_has_five_kinds_and_goes_back_with_its_last_line() -> None:
    shown = [
        Element("0", "text", "Your <basket>"),
        Element("1", "link", "Home"),
        Element("2", "radio", "Large", checked=True),
        Element("3", "select", "Colour", value='"red"'),
        Element("4", "scroller", "list", value="top"),
        Element("5", "shape", "x" * 80),
    ]
    assert page_text(shown).splitlines() == [
        "<p id=0>Your &lt;basket&gt;</p>",
        "<button id=1>Home</button>",
        "<checkbox id=2 checked=true>Large</checkbox>",
        '<input id=3 value="&quot;red&quot;">Colour</input>',
        '<scroller id=4 value="top">list</scroller>',
        f"<button id=5>{'x' * 50}</button>",
        "<button id=back>go back</button>",
    ]


# -- a browser --------------------------------------------------------------------------------------------------------


@playwright
def test_every_kind_of_element_is_seen_with_its_label_and_state(chromium: Any, site: tuple[str, Path]) -> None:
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/widgets.html"})
        page = world.observe()
    assert page.title == "Widgets"
    assert (
        the(page, "input", "Name").value == ""
        and the(page, "input", "Pass code").value == ""
        and the(page, "input", "More words").value == "old"
    )
    assert the(page, "checkbox", "News").checked is True
    assert (the(page, "radio", "Small").checked, the(page, "radio", "Large").checked) == (True, False)
    assert the(page, "select", "Colour").value == "red" and [
        e.text for e in page.elements if e.checked is not None and e.kind == "option"
    ] == [
        *("red", "green", "blue"),
        *("Mon", "Tue", "Wed"),
    ]
    assert the(page, "slider", "Loud").value == "2" and the(page, "link", "a link") and the(page, "button", "Send")
    assert the(page, "button", "Open it") and the(page, "button", "red trash bin")  # neither is a button but for what listens
    assert [e.text for e in page.elements if e.kind == "shape"] == ["blue circle", "red rect"]
    assert the(page, "scroller", "log").value == "top"
    words = " ".join(e.text for e in page.elements)
    assert "hidden words" not in words and "unseen words" not in words and "ghost" not in words
    assert all(e.box is not None and e.box[2] > 0 for e in page.elements)


@playwright
def test_every_act_does_what_a_hand_would(chromium: Any, site: tuple[str, Path]) -> None:
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/widgets.html"})

        def act(kind: str, of: str, name: str, text: str = "") -> None:
            assert world.act(Action(kind, the(world.observe(), of, name).id, text)) == ""

        act("type", "input", "Name", "Ana")
        act("type", "input", "More words", "new")  # in place of what was there
        act("uncheck", "checkbox", "News")
        act("uncheck", "checkbox", "News")  # it is so already: nothing
        act("click", "radio", "Large")
        act("select", "select", "Colour", "green")
        act("click", "option", "Mon")
        act("click", "option", "Wed")
        act("slide", "slider", "Loud", "7")
        act("type", "input", "Day", "2026-11-23")
        act("click", "button", "Send")
        assert said(world) == "sent name=Ana&code=&size=l&colour=green&days=Mon&days=Wed&loud=7&day=2026-11-23&more=new"
        act("click", "button", "Open it")
        assert said(world) == "opened"
        act("hover", "button", "trash")
        assert world.observe().title == "Over the bin"
        act("click", "button", "trash")
        assert said(world) == "binned" and world.said == ["Really?"]
        act("scroll", "scroller", "log", "bottom")
        assert the(world.observe(), "scroller", "log").value == "bottom"
        act("drag", "button", "drag", "40,15")
        assert said(world) == "moved 40,15"
        act("click", "input", "Name")
        assert world.act(Action("press", "", "End")) == "" and world.act(Action("type", "", " B")) == ""
        assert the(world.observe(), "input", "Name").value == "Ana B"
        act("mark", "text", "All kinds")
        assert world.chromium.inside(lambda: world.page.evaluate("getSelection().toString()")) == "All kinds"


@playwright
def test_what_cannot_be_done_is_said_and_changes_nothing(chromium: Any, site: tuple[str, Path]) -> None:
    with Browser(chromium) as world:
        with pytest.raises(UsageError, match="nothing is open"):
            world.act(Action("click", "0"))
        with pytest.raises(UsageError, match=r'a browser is reset to \{"address"'):
            world.reset({})
        with pytest.raises(UsageError, match=r"was not opened: .*ERR_CONNECTION_REFUSED"):
            world.reset({"address": "http://127.0.0.1:6553/"})
        world.reset({"address": f"{site[0]}/widgets.html"})
        before = page_state(world.observe())
        assert "no longer on the page" in world.act(Action("click", "999"))
        assert "needs the id of an element" in world.act(Action("click", "Send"))
        assert "no option and no select" in world.act(Action("select", the(world.observe(), "button", "Send").id, "x"))
        with pytest.raises(UsageError, match="a browser has no action 'clik'; it has click, double"):
            world.act(Action("clik", "0"))
        assert page_state(world.observe()) == before
        send = the(world.observe(), "button", "Send")
        cover = "const d = document.createElement('div'); d.id = 'veil'; d.style = 'position:fixed;inset:0;background:#0008'; document.body.append(d)"
        world.chromium.inside(lambda: world.page.evaluate(cover))
        assert world.act(Action("click", send.id)) == f"click {send.id}: div#veil covers it"


@playwright
def test_an_effect_that_comes_late_is_seen_and_what_is_scrolled_to_is_hit(chromium: Any, site: tuple[str, Path]) -> None:
    rows = "".join(f"<p><span onclick=\"out.textContent='row {i}'\" style='cursor:pointer'>row {i}</span> and words</p>" for i in range(12))
    late = "setTimeout(() => out.textContent = 'open', 250)"
    (site[1] / "late.html").write_text(
        f'<!doctype html><button onclick="{late}">Menu</button><p id=out>-</p><div style="height:60px;overflow:auto">{rows}</div>'
    )
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/late.html"})
        assert world.act(Action("click", the(world.observe(), "button", "Menu").id)) == ""
        assert "open" in world.observe().text, "a menu that takes a moment"
        for row in ("row 11", "row 0", "row 7"):
            assert row in pressed(world, row), "the first press meets it"


@playwright
def test_what_opens_a_menu_says_so_and_what_is_open_too(chromium: Any, site: tuple[str, Path]) -> None:
    (site[1] / "menus.html").write_text(
        "<!doctype html><style>ul ul{display:none} li:hover ul{display:block}</style>"
        "<div role=tab aria-selected=true><a href='#a'>One</a></div><div role=tab><a href='#b'>Two</a></div>"
        "<ul><li><div role=menuitem aria-haspopup=true>Fruit</div><ul><li><div role=menuitem>fig</div></li></ul></li></ul>"
    )
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/menus.html"})
        page = world.observe()
        assert [the(page, "link", n).value for n in ("One", "Two")] == ["open", ""] and the(page, "button", "Fruit").value == "menu"
        assert not [e for e in page.elements if e.text == "fig"]
        assert world.act(Action("hover", the(page, "button", "Fruit").id)) == ""
        page = world.observe()
        assert the(page, "button", "Fruit").value == "menu open" and the(page, "button", "fig").value == ""


@playwright
def test_what_a_field_offers_late_is_seen_as_something_to_press_whatever_its_markup(chromium: Any, site: tuple[str, Path]) -> None:
    (site[1] / "offers.html").write_text(
        "<!doctype html><label>Town <input id=town aria-haspopup=listbox></label><ul id=a></ul><div id=b></div><p id=out>-</p><script>"
        "const put = () => { a.innerHTML = '<li>Belport</li><li>Belfort</li>'; b.innerHTML = '<div role=option>Belmont</div>' };"
        "town.addEventListener('input', () => setTimeout(put, 300));"
        "for (const e of [a, b]) e.addEventListener('click', (at) => { out.textContent = at.target.textContent })</script>"
    )
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/offers.html"})
        assert world.act(Action("type", the(world.observe(), "input", "Town").id, "Bel")) == ""
        for name in ("Belfort", "Belmont"):
            assert pressed(world, name)[-1] == name


@playwright
def test_of_what_is_nearly_covered_the_strip_that_is_left_is_pressed(chromium: Any, site: tuple[str, Path]) -> None:
    box = "position: absolute; width: 60px; height: 30px;"
    (site[1] / "strip.html").write_text(
        f"<!doctype html><button style='{box} left: 40px; top: 40px' onclick='out.textContent = 1'>ONE</button>"
        f"<button style='{box} left: 36px; top: 35px' onclick='out.textContent = 2'>TWO</button><p id=out>-</p>"
    )
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/strip.html"})
        assert pressed(world, "ONE") == ["1"]


@playwright
def test_what_lies_wholly_under_other_controls_is_pressed_with_the_keyboard_and_under_a_veil_not(
    chromium: Any, site: tuple[str, Path]
) -> None:
    box = "position: absolute; left: 40px; top: 40px; width: 60px; height: 30px;"
    (site[1] / "under.html").write_text(
        f"<!doctype html><button style='{box}' onclick='out.textContent = 1'>ONE</button><input type=checkbox style='{box}' aria-label='three'>"
        f"<button style='{box} padding: 9px' onclick='out.textContent = 2'>TWO</button><p id=out>-</p>"
    )
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/under.html"})
        assert pressed(world, "ONE") == ["1"]
        assert world.act(Action("check", the(world.observe(), "checkbox", "three").id)) == ""
        assert the(world.observe(), "checkbox", "three").checked
        assert "covers it" in world.act(Action("hover", the(world.observe(), "button", "ONE").id)), "there is no hovering by keys"
        veil = "document.querySelectorAll('button')[1].outerHTML = `<div style='${document.querySelectorAll('button')[1].style.cssText}'>.</div>`"
        world.chromium.inside(lambda: world.page.evaluate(veil))
        one = the(world.observe(), "button", "ONE").id
        assert world.act(Action("click", one)) == f"click {one}: div covers it"


@playwright
def test_hosts_that_are_not_allowed_are_not_asked(chromium: Any, site: tuple[str, Path]) -> None:
    with Browser(chromium, hosts=("example.org",)) as world, pytest.raises(UsageError, match="ERR_ACCESS_DENIED"):
        world.reset({"address": f"{site[0]}/index.html"})
    with Browser(chromium, hosts=("127.0.0.1",)) as world:
        world.reset({"address": f"{site[0]}/index.html"})
        assert world.observe().title == "index"


@playwright
def test_a_browser_serves_whichever_thread_calls(chromium: Any, site: tuple[str, Path]) -> None:
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/index.html"})
        seen: list[str] = []

        def look() -> None:
            page = world.observe()
            world.act(Action("click", the(page, "link", "list").id))
            seen.append(world.observe().title)

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert seen == ["list"] and world.observe().title == "list"


@playwright
def test_another_window_is_followed_and_left_again(chromium: Any, site: tuple[str, Path]) -> None:
    (site[1] / "index.html").write_text("<!doctype html><title>index</title><a href=help.html target=_blank>help</a>")
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/index.html"})
        assert world.act(Action("back")) == "there is no page to go back to"
        assert world.act(Action("click", the(world.observe(), "link", "help").id)) == "" and world.observe().title == "help"
        assert world.act(Action("back")) == "" and world.observe().title == "index"


@playwright
def test_a_browser_that_crashed_is_told_and_a_reset_starts_another(site: tuple[str, Path]) -> None:
    with Browser() as world:
        world.reset({"address": f"{site[0]}/index.html"})
        world.chromium.inside(world.chromium.browser.close)
        with pytest.raises(UsageError, match=r"the page cannot be looked at: .* reset the browser"):
            world.observe()
        assert "closed" in world.act(Action("back"))
        world.reset({"address": f"{site[0]}/index.html"})
        assert world.observe().title == "index"


@playwright
def test_walking_about_a_site_gives_back_its_map_exactly(chromium: Any, site: tuple[str, Path], memory: Memory) -> None:
    clew, tried = memory(), Counter[str]()
    steps: list[Transition] = []
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/index.html"})
        for _ in range(40):
            page = world.observe()
            links = [e for e in page.elements if e.kind == "link"]
            least = min(links, key=lambda e: tried[f"{page.title} {e.text}"], default=None)
            action = Action("click", least.id) if least is not None else Action("go", "", f"{site[0]}/index.html")
            tried[f"{page.title} {least.text if least is not None else ''}"] += 1
            why = world.act(action)
            after = world.observe()
            steps.append(
                Transition(page, "see all of it", action, after, "", Verdict(not why, "unexpected" if why else "success", reason=why))
            )
    clew.record([event("walk", "n", s) for s in steps], session="walk")
    kept = transitions(clew.log.read())
    assert [s.act for s in kept] == [s.act for s in steps] and all(e.trust == 1 for e in clew.log.read())
    known = places(kept)
    titles = {key: place.title for key, place in known.items()}
    found = {
        place.title: sorted(titles[k] for act, leads in place.exits.items() if act.startswith("click") for k in leads)
        for place in known.values()
    }
    assert found == {name: sorted(links) for name, links in SHOP.items()}
    by_title = {title: key for key, title in titles.items()}
    assert route(known, by_title["index"], by_title["paid"]) == [
        "click link 'list'",
        "click link 'item'",
        "click link 'basket'",
        "click link 'paid'",
    ]
    assert route(known, by_title["paid"], "nowhere") is None


@playwright
def test_a_replay_is_believed_only_where_every_page_is_the_one_that_was_there(chromium: Any, site: tuple[str, Path]) -> None:
    address, folder = site
    with Browser(chromium) as world:
        acts = []
        world.reset({"address": f"{address}/index.html"})
        for to in ("list", "item", "basket"):
            action = Action("click", the(world.observe(), "link", to).id)
            assert world.act(action) == ""
            acts.append({"action": {"kind": action.kind, "element": action.element, "text": ""}, "page": world.observe().key})
        world.reset({"address": f"{address}/index.html"})
        assert replay(world, acts).ok and world.observe().title == "basket"
        (folder / "item.html").write_text(
            "<!doctype html><title>item</title><h1>Sold out</h1><button>Tell me</button><a href=list.html>list</a>"
        )
        world.reset({"address": f"{address}/index.html"})
        verdict = replay(world, acts)
        assert (verdict.ok, verdict.label, verdict.blame) == (False, "divergent", "environment") and "act 2 of 3" in verdict.reason


# -- the executor -----------------------------------------------------------------------------------------------------


def acting(clew: Clew, executor: Any, world: Any = None, steps: int = 30, **inputs: Any) -> Any:
    node = Node("n", "log in", "browser", inputs, budget=Limits(steps=steps))
    return executor.run(node, Job(clew, TaskGraph("t", 1, "test", (node,)), environment=world))


LOGIN = [
    {"kind": "type", "on": "User", "text": "ana"},
    {"kind": "type", "on": "Password", "text": "${PASSWORD}"},
    {"kind": "click", "on": "Log in", "expect": "Welcome"},
]


@playwright
def test_acts_are_found_by_what_stands_on_the_page_and_each_is_an_event(chromium: Any, site: tuple[str, Path], memory: Memory) -> None:
    clew = memory()
    executor = Acting(Vault({"PASSWORD": "correct-horse"}))
    with Browser(chromium) as world:
        world.reset({"address": f"{site[0]}/login.html"})
        found = acting(clew, executor, world, actions=LOGIN)
        assert found.status == "finished" and found.outputs["title"] == "Welcome" and found.steps == 3
        assert found.outputs["acts"] == ["type input 'User' 'ana'", "type input 'Password' '${PASSWORD}'", "click button 'Log in'"]
        assert "correct-horse" not in json.dumps([found.outputs, list(found.events)]) and "Hello ana ${PASSWORD}" in found.outputs["text"]
        clew.record(list(found.events), session="t")
        assert [s.verdict.label for s in transitions(clew.log.read())] == ["success"] * 3
        world.reset({"address": f"{site[0]}/login.html"})
        wrong = acting(clew, Acting(Vault({"PASSWORD": "other"})), world, actions=LOGIN)
        assert (
            wrong.status == "failed" and wrong.why == "after click the page has no 'Welcome'" and wrong.events[-1]["verdict"]["ok"] is False
        )
        nowhere = acting(clew, executor, world, actions=[{"kind": "click", "on": "Sign up"}])
        assert nowhere.status == "failed" and "there is no element 'sign up' on 'Wrong'; there are" in nowhere.why
        told = [{"kind": "type", "on": "User", "text": "sk-proj-0123456789abcdefghijklmn"}]
        with pytest.raises(UsageError, match="the text of type holds what looks like a secret"):
            acting(clew, executor, world, actions=told)
        assert the(world.observe(), "input", "User").value == "ana"
        with pytest.raises(UsageError, match="3 actions are more than its budget of 2 steps"):
            acting(clew, executor, world, steps=2, actions=LOGIN)


@playwright
def test_without_an_environment_it_opens_an_address_among_hosts_that_the_node_allows(
    site: tuple[str, Path], memory: Memory, chromium: Any
) -> None:
    clew = memory()
    found = acting(
        clew,
        Acting(),
        address=f"{site[0]}/index.html",
        hosts=["127.0.0.1"],
        actions=[{"kind": "click", "on": {"kind": "link", "text": "help"}}],
    )
    assert found.status == "finished" and found.outputs["title"] == "help"
    with pytest.raises(UsageError, match="needs 'hosts'"):
        acting(clew, Acting(), address=f"{site[0]}/index.html", actions=[])
    with pytest.raises(UsageError, match="was not opened"):
        acting(clew, Acting(), address=f"{site[0]}/index.html", hosts=["example.org"], actions=[])


@playwright
def test_an_element_is_found_by_its_words_or_not_at_all() -> None:
    page = Page(
        "k",
        "Shop",
        (Element("0", "text", "Name"), Element("1", "input", "Name"), Element("2", "button", "Buy"), Element("3", "button", "Buy now")),
    )
    assert [getattr(find(page, on), "id", None) for on in ("name", "buy", "buy now", {"kind": "text", "text": "Name"})] == [
        "1",
        "2",
        "3",
        "0",
    ]
    assert "there are 2 of element 'bu'" in str(find(page, "bu")) and "there is no button 'sell'" in str(
        find(page, {"kind": "button", "text": "sell"})
    )


# -- MiniWoB ----------------------------------------------------------------------------------------------------------

miniwob = pytest.mark.skipif(importlib.util.find_spec("miniwob") is None, reason="needs MiniWoB's pages: pip install --no-deps miniwob")


@playwright
@miniwob
def test_a_task_is_solved_by_acts_and_rewarded_and_a_wrong_one_is_not(chromium: Any) -> None:
    with MiniWoB("login-user", 3, chromium) as world:
        world.reset()
        user, password = [part for i, part in enumerate(world.utterance.split('"')) if i % 2]
        assert (world.done, world.reward) == (False, 0)
        for of, text in (("Username", user), ("Password", password)):
            world.act(Action("type", the(world.observe(), "input", of).id, text))
        world.step(Action("click", the(world.observe(), "button", "Login").id))
        assert (world.done, world.reward) == (True, 1)
        assert world.act(Action("click", "0")) == "the task has ended"
        world.reset({"seed": 4})
        world.step(Action("click", the(world.observe(), "button", "Login").id))
        assert (world.done, world.reward) == (True, -1)
        with pytest.raises(UsageError, match="MiniWoB has no task 'log-in'"):
            world.reset({"task": "log-in"})


@playwright
@miniwob
def test_a_task_and_a_seed_are_the_same_page_every_time_and_another_seed_is_another(chromium: Any) -> None:
    with MiniWoB("click-test", 0, chromium) as world:
        for task in ("click-checkboxes", "email-inbox", "use-slider", "click-shape"):
            seen = []
            for seed in (7, 8, 7):
                world.reset({"task": task, "seed": seed})
                page = world.observe()
                seen.append((world.utterance, page.text))
            assert seen[0] == seen[2] != seen[1], task


@playwright
@miniwob
@pytest.mark.parametrize(
    "task",
    [
        "click-checkboxes",
        "choose-list",
        "click-scroll-list",
        "use-slider",
        "click-tab-2",
        "enter-date",
        "drag-box",
        "terminal",
        "click-pie-nodelay",
    ],
)
def test_tasks_of_every_sort_load_show_something_and_take_an_act(chromium: Any, task: str) -> None:
    with MiniWoB(task, 1, chromium) as world:
        assert_loads(world, task)


def assert_loads(world: Any, task: str) -> tuple[float, float, str]:
    started = time.perf_counter()
    world.reset({"task": task, "seed": 1})
    page = world.observe()
    loaded = time.perf_counter() - started
    assert world.utterance and page.elements, task
    first = next((e for e in page.elements if e.kind not in ("text", "scroller")), page.elements[0])
    started = time.perf_counter()
    why = world.act(Action("type", first.id, "1") if first.kind == "input" and "date" not in task else Action("click", first.id))
    return loaded, time.perf_counter() - started, why


@playwright
@miniwob
@pytest.mark.soak
def test_all_of_miniwob_loads_shows_something_and_takes_an_act(chromium: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with MiniWoB("click-test", 1, chromium) as world:
        found = {task: assert_loads(world, task) for task in tasks()}
    refused = {task: why for task, (_, _, why) in found.items() if why}
    with capsys.disabled():
        loads, acts = [statistics.median(f[i] for f in found.values()) for i in (0, 1)]
        print(
            f"\n  MiniWoB: {len(found)} tasks load; load and observe {loads:.2f} s, act {acts:.2f} s (medians); first act refused: {refused}"
        )
    assert len(found) == 130 and len(refused) <= 2


# -- text worlds ------------------------------------------------------------------------------------------------------

textworld = pytest.mark.skipif(importlib.util.find_spec("textworld") is None, reason="needs textworld: pip install 'clew[worlds]'")
if importlib.util.find_spec("textworld") is not None:
    from clew.tasks.environments.text_world import TextWorld


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("games")


@textworld
def test_a_text_world_is_won_by_its_walkthrough_and_scored_on_the_way(games: Path) -> None:
    with TextWorld("quest", 7, folder=games, length=3) as world:
        world.reset()
        page = world.observe()
        assert page.title and "-= " in page.text and all(e.kind == "command" for e in page.elements) and world.utterance
        [plan] = games.glob("quest-7-*.json")
        for command in json.loads(plan.read_text())["metadata"]["walkthrough"]:
            assert not world.done
            page = world.observe()
            assert world.act(Action("click", the(page, "command", command).id)) == ""
        assert (world.done, world.reward) == (True, 1.0) and world.observe().elements == ()
        assert world.act(Action("click", "0")) == "the game has ended"


@textworld
def test_a_text_world_is_the_same_for_the_same_seed_and_says_what_it_does_not_understand(games: Path) -> None:
    texts = []
    for seed in (7, 7, 8):
        with TextWorld("quest", seed, folder=games, length=3) as world:
            world.reset()
            texts.append((world.utterance, world.observe().text))
            before = world.observe()
            assert "not a verb I recognise" in world.act(Action("type", text="frobnicate the moon"))
            assert "there is no command '99' here" in world.act(Action("click", "99"))
            assert world.act(Action("type", text="look")) == "" and world.observe().key == before.key
    assert texts[0] == texts[1] != texts[2]


@textworld
def test_a_text_world_tells_what_worlds_and_options_there_are() -> None:
    with pytest.raises(UsageError, match="there is no text world 'castle'; there are treasure, coin, cooking"):
        TextWorld("castle")
    with pytest.raises(UsageError, match="has no option 'size'; it has rooms, objects, length"):
        TextWorld("quest", 1, size=3)


# -- in a task --------------------------------------------------------------------------------------------------------


@playwright
def test_a_task_goes_on_in_a_new_browser_where_another_process_left_it(site: tuple[str, Path], memory: Memory, chromium: Any) -> None:
    clew = memory()
    graph = TaskGraph(
        "buy",
        1,
        "buy it",
        (
            Node("look", "find it", "browser", {"actions": [{"kind": "click", "on": "list"}, {"kind": "click", "on": "item"}]}),
            Node("ask", "Buy it?", "human", {"choices": ["yes", "no"]}),
            Node("take", "take it", "browser", {"actions": [{"kind": "click", "on": "basket", "expect": "paid"}]}),
        ),
        (Edge("look", "ask"), Edge("ask", "take", 'answer == "yes"')),
        environment={"name": "browser", "address": f"{site[0]}/index.html", "hosts": ["127.0.0.1"]},
    )
    assert Tasks(clew).run(graph).status == "waiting"
    Tasks(clew).approve("buy", "yes")
    state = Tasks(clew).resume("buy")  # nothing is shared with the first but the log: the page is reached by doing the acts again
    assert state.status == "finished", state.verdicts
    assert state.results["take"]["title"] == "basket" and [s.after.title for s in transitions(clew.log.read())] == [
        "list",
        "item",
        "basket",
    ]
