"use strict";
// Every page works without this: links and forms do all there is. With it one has keys, a slider that answers at once,
// and a graph that shows what is near.
(() => {
  const root = document.documentElement;
  const all = (what, where = document) => [...where.querySelectorAll(what)];
  root.classList.add("live");
  const here = document.querySelector("nav [aria-current]"); // on a phone the pages stand in a row that is longer than it is wide
  if (here) here.closest("nav").scrollLeft = here.getBoundingClientRect().left - 120;

  // -- the parts of a page that follow a form: fetched as the page itself, so that there is one way to make them
  let turn = 0;
  const follow = async (form) => {
    const mine = ++turn;
    const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const address = `${form.action}?${asked}`;
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (mine !== turn || !answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of all("[data-part][id]")) {
      const fresh = page.getElementById(part.id);
      if (fresh) part.replaceWith(document.adoptNode(fresh));
    }
    history.replaceState(null, "", address);
  };
  for (const form of all("form[data-live]")) {
    let wait = 0;
    form.addEventListener("input", (event) => {
      clearTimeout(wait);
      const told = form.querySelector("output b");
      if (event.target.type === "range" && told) told.textContent = Number(event.target.value).toLocaleString("en");
      wait = setTimeout(() => follow(form), event.target.type === "range" ? 120 : 350);
    });
    form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(wait); follow(form); });
    const slider = form.querySelector("input[type=range]");
    for (const step of all("[data-step]", form)) {
      step.addEventListener("click", (event) => {
        event.preventDefault();
        slider.valueAsNumber += Number(step.dataset.step);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
      });
    }
  }
  for (const select of all("select[data-submits]")) select.addEventListener("change", () => select.form.requestSubmit());
  for (const button of all("[data-copies]")) {
    button.addEventListener("click", () => {
      const field = document.getElementById(button.dataset.copies);
      field.select();
      document.execCommand("copy");
      button.textContent = "Copied";
    });
  }

  // -- the graph: what is near the node that is pointed at, or that has the focus
  for (const graph of all(".graph")) {
    const near = (node) => {
      all(".near", graph).forEach((one) => one.classList.remove("near"));
      graph.toggleAttribute("data-near", Boolean(node));
      if (!node) return;
      node.classList.add("near");
      const id = node.dataset.node;
      for (const tie of all(`.tie[data-a="${id}"], .tie[data-b="${id}"]`, graph)) {
        tie.classList.add("near");
        const other = tie.dataset.a === id ? tie.dataset.b : tie.dataset.a;
        graph.querySelector(`.node[data-node="${other}"]`).classList.add("near");
      }
    };
    const of = (event) => event.target.closest(".node") || event.target.querySelector?.(":scope > .node");
    graph.addEventListener("pointerover", (event) => near(event.target.closest(".node")));
    graph.addEventListener("pointerleave", () => near(null));
    graph.addEventListener("focusin", (event) => near(of(event)));
    graph.addEventListener("focusout", () => near(null));
  }

  // -- keys
  const help = document.getElementById("help");
  for (const button of all("[data-opens]")) button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());
  let place = -1;
  const item = (step) => {
    const found = all("main .item");
    if (!found.length) return;
    found[place]?.removeAttribute("data-here");
    place = Math.min(found.length - 1, Math.max(0, place + step));
    found[place].setAttribute("data-here", "");
    (found[place].querySelector("a, button") || found[place]).focus();
    found[place].scrollIntoView({ block: "nearest" });
  };
  const step = (by) => document.querySelector(`[data-step="${by}"]`)?.click();
  const field = () => document.querySelector("#q, main input:not([type=hidden], [type=range])")?.focus();
  const keys = { j: () => item(1), k: () => item(-1), "[": () => step(-1), "]": () => step(1), "/": field, "?": () => help?.showModal() };
  let went = 0;
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=range], [type=checkbox]), textarea, select, dialog");
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing) {
      if (event.key === "Escape" && !typing.matches("dialog")) event.target.blur();
      return;
    }
    if (event.key === "g") { went = event.timeStamp; return; }
    const room = went && event.timeStamp - went < 1500 ? document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`) : null;
    went = 0;
    const act = room ? () => room.click() : Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (act) { event.preventDefault(); act(); }
  });
})();
