// The page as a list of things that can be read or acted on, in document order; what the n-th is, is kept in __clew.shown[n].
([without, most]) => {
  const LONG = 300, GROUP = 100, INSIDE = 8, LABEL = 40;
  const INLINE = new Set(["B", "I", "EM", "STRONG", "U", "SPAN", "BR", "SMALL", "FONT", "SUB", "SUP", "CODE", "MARK", "ABBR"]);
  const SHAPES = new Set(["circle", "rect", "ellipse", "polygon", "polyline", "path", "line"]);
  const TYPES = { checkbox: "checkbox", radio: "radio", button: "button", submit: "button", reset: "button", image: "button", range: "slider" };
  const ROLES = { button: "button", link: "link", tab: "button", menuitem: "button", option: "button", treeitem: "button", switch: "checkbox",
    checkbox: "checkbox", radio: "radio", slider: "slider", textbox: "input", searchbox: "input", combobox: "input" };
  const COLOURS = { black: [0, 0, 0], white: [255, 255, 255], grey: [128, 128, 128], red: [255, 0, 0], green: [0, 128, 0], lime: [0, 255, 0],
    blue: [0, 0, 255], yellow: [255, 255, 0], cyan: [0, 255, 255], magenta: [255, 0, 255], orange: [255, 165, 0], purple: [128, 0, 128],
    pink: [255, 192, 203], brown: [139, 69, 19], olive: [128, 128, 0] };
  const heard = (window.__clew || {}).heard || new WeakSet();
  const shown = [], found = [], told = new WeakSet(), styles = new Map();
  const excluded = new Set(without.flatMap((s) => [...document.querySelectorAll(s)]));
  const clean = (text) => (text || "").replace(/\s+/g, " ").trim();
  const style = (e) => styles.get(e) || styles.set(e, getComputedStyle(e)).get(e);
  const gone = (e) => excluded.has(e) || style(e).display === "none" || e.closest("script,style,noscript,template,head") !== null;
  const seen = (e) => { const r = e.getBoundingClientRect(), s = style(e);
    return r.width > 1 && r.height > 1 && s.visibility !== "hidden" && s.visibility !== "collapse" && Number(s.opacity) > 0; };
  const colour = (text) => {
    const m = (text || "").match(/rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)/);
    if (!m || m[4] === "0") return "";
    const far = ([r, g, b]) => (r - m[1]) ** 2 + (g - m[2]) ** 2 + (b - m[3]) ** 2;
    return Object.keys(COLOURS).reduce((a, b) => (far(COLOURS[a]) <= far(COLOURS[b]) ? a : b));
  };
  const kindOf = (e) => {
    const tag = e.tagName.toUpperCase();
    if (tag === "INPUT") return e.type === "hidden" ? "" : TYPES[e.type] || "input";
    if (tag === "TEXTAREA" || e.isContentEditable && !(e.parentElement || e).isContentEditable) return "input";
    if (tag === "SELECT") return "select";
    const role = e.getAttribute("role");
    if (role && ROLES[role]) return ROLES[role];
    if (tag === "A") return "link";
    if (e.tabIndex >= 0 && /slider-handle|slider-thumb|noUi-handle/.test(e.className)) return "slider";
    if (tag === "BUTTON" || tag === "SUMMARY") return "button";
    return "";
  };
  const listens = (e) => heard.has(e) || (e.tagName === "LI" && heard.has(e.parentElement)) || /* a list, for its items */ !!(e.onclick || e.onmousedown || e.onmouseup) ||
    (style(e).cursor === "pointer" && (!e.parentElement || style(e.parentElement).cursor !== "pointer"));
  const acts = (e) => kindOf(e) !== "" || listens(e);
  const DULL = /^(ui-)?(widget|corner|state|helper|button$|icon$|clickable|front|js-)/; // classes that say nothing of what a thing is for
  const named = (e) => clean([...(e.classList || [])].filter((c) => !DULL.test(c)).map((c) => c.replace(/^ui-/, "")).join(" ") + " " + (e.id || ""))
    .replace(/[-_]+/g, " ");
  const before = (e) => { // the words that stand just before a field, which are most often its label
    for (let at = e, up = 0; at && up < 3; up++, at = at.parentElement) {
      for (let s = at.previousSibling; s; s = s.previousSibling) {
        if (s.nodeType === 1 && (gone(s) || s.matches("input,select,textarea,button") || s.querySelector("input,select,textarea,button"))) return "";
        const text = clean(s.textContent);
        if (text) return text.length > LABEL ? "" : text;
      }
    }
    return "";
  };
  const label = (e) => {
    const ids = clean(e.getAttribute("aria-labelledby")).split(" ").map((i) => i && document.getElementById(i)).filter(Boolean);
    const mine = [...(e.labels || []), ...ids].map((l) => { told.add(l); return clean(l.textContent); }).join(" ");
    const near = clean(e.getAttribute("aria-label") || mine || e.placeholder || e.title);
    if (near) return near;
    if (e.type !== "checkbox" && e.type !== "radio") return before(e) || clean(e.name) || named(e);
    const next = e.nextSibling, after = next && (next.nodeType === 3 || INLINE.has(next.tagName)) ? clean(next.textContent) : "";
    return (after.length > LABEL ? "" : after) || clean(e.name) || named(e);
  };
  const words = (e) => clean(e.innerText === undefined ? e.textContent : e.innerText) || clean(e.getAttribute("aria-label") || e.getAttribute("alt") ||
    e.getAttribute("title") || e.value) || [...e.querySelectorAll("img[alt],[title]")].map((i) => clean(i.alt || i.title)).join(" ");
  const looks = (e) => {
    const tag = e.tagName.toLowerCase(), svg = SHAPES.has(tag) || tag === "text";
    const paint = svg ? colour(style(e).fill) || colour(style(e).stroke) : colour(style(e).backgroundColor);
    return clean([paint, svg ? tag : "", named(e)].join(" ")) || tag;
  };
  const opened = (e) => { // "open" where what it opens is there; where that is a menu: "menu open", or else "menu"
    if ([e, e.closest("[role=tab]")].some((i) => i && ["aria-selected", "aria-expanded"].some((n) => i.getAttribute(n) === "true"))) return "open";
    if ([null, "", "false"].includes(e.getAttribute("aria-haspopup"))) return "";
    const its = document.getElementById(e.getAttribute("aria-controls") || "") || e.nextElementSibling;
    return its && !gone(its) && seen(its) ? "menu open" : "menu";
  };
  const path = (e) => { const parts = [];
    for (let at = e; at && at !== document.body; at = at.parentElement) parts.push(at.tagName.toLowerCase() + (at.type ? "." + at.type : ""));
    return parts.reverse().join(">"); };
  const put = (e, kind, text, more = {}, box = null) => {
    if (found.length >= most) return;
    const r = box || e.getBoundingClientRect();
    found.push({ kind, text: clean(text).slice(0, LONG), checked: null, value: "", path: path(e),
      box: [r.left + scrollX, r.top + scrollY, r.width, r.height].map((n) => Math.round(n * 10) / 10), ...more });
    shown.push(box ? { e, x: box.left + box.width / 2 - e.getBoundingClientRect().left, y: box.top + box.height / 2 - e.getBoundingClientRect().top } : { e });
  };
  const control = (e, kind) => {
    if (kind === "checkbox" || kind === "radio") {
      const on = e.tagName === "INPUT" ? e.checked : e.getAttribute("aria-checked") === "true";
      return put(e, kind, label(e), { checked: on });
    }
    if (kind === "select") {
      put(e, kind, label(e), { value: [...e.selectedOptions].map((o) => clean(o.text)).join(", ") });
      const box = e.getBoundingClientRect();
      for (const o of e.options) put(o, "option", o.text || o.value, { checked: o.selected }, box);
      return;
    }
    const value = e.value !== undefined ? String(e.value) : clean(e.getAttribute("aria-valuenow") || e.innerText);
    const more = { value: e.type === "password" ? "*".repeat(value.length) : value };
    if (e.disabled || e.readOnly) more.value += " (read only)";
    put(e, kind, label(e), more);
  };
  const walk = (e, taken) => {
    if (gone(e) || e.tagName === "OPTION" || e.tagName === "BR") return;
    const kind = kindOf(e), visible = seen(e);
    if (["input", "checkbox", "radio", "select", "slider"].includes(kind) && visible) { control(e, kind); if (kind !== "slider") return; }
    const svg = e instanceof SVGElement, tag = e.tagName.toLowerCase();
    if (visible && !svg && e !== document.body && e.scrollHeight > e.clientHeight + 4 && /auto|scroll/.test(style(e).overflowY)) {
      const end = e.scrollTop + e.clientHeight >= e.scrollHeight - 2;
      put(e, "scroller", named(e), { value: e.scrollTop < 2 ? "top" : end ? "bottom" : "middle" });
    }
    if (visible && (SHAPES.has(tag) || tag === "img" || tag === "canvas")) {
      put(e, tag === "img" || tag === "canvas" ? "image" : "shape", SHAPES.has(tag) ? looks(e) : words(e) || looks(e));
      return;
    }
    if (visible && svg && tag === "text") { put(e, "shape", words(e), { value: looks(e) }); return; }
    const inner = [...e.querySelectorAll("*")];
    const clickable = kind !== "" || (e !== document.body && listens(e));
    if (visible && clickable && kind !== "slider" && !inner.some((i) => acts(i) && !gone(i) && seen(i))) {
      const all = words(e), shapes = inner.some((i) => SHAPES.has(i.tagName.toLowerCase()));
      if (kind || (!shapes && all.length <= GROUP && inner.length <= INSIDE)) {
        put(e, kind || "button", all || looks(e), { value: opened(e) });
        return;
      }
    }
    const texts = [...e.childNodes].filter((n) => n.nodeType === 3 && clean(n.data));
    const plain = texts.length && inner.every((i) => INLINE.has(i.tagName) && !acts(i));
    const mine = taken || told.has(e) || (tag === "label" && e.control);
    if (plain && visible) { if (!mine) put(e, "text", words(e)); return; }
    for (const n of e.childNodes) {
      if (n.nodeType === 1) walk(n, mine);
      else if (n.nodeType === 3 && clean(n.data) && visible && !mine) {
        const range = document.createRange();
        range.selectNodeContents(n);
        const r = range.getBoundingClientRect();
        if (r.width > 1) put(e, "text", n.data, {}, { left: r.left, top: r.top, width: r.width, height: r.height });
      }
    }
    if (e.shadowRoot) for (const c of e.shadowRoot.children) walk(c, mine);
  };
  walk(document.body, false);
  if (window.__clew) window.__clew.shown = shown; else window.__clew = { heard, shown };
  return { title: document.title, address: location.href, elements: found };
}
