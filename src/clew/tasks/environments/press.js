// Where the mouse goes for the n-th thing shown: scrolled into view, a point of it that nothing else covers. Where other controls of
// the page lie on the whole of it, the key that presses it: a keyboard reaches it still. A veil over all is meant to be in the way.
(n) => {
  const it = ((window.__clew || {}).shown || [])[n];
  if (!it || !it.e.isConnected) return { why: "it is no longer on the page" };
  const before = it.e.getBoundingClientRect();
  it.e.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  const whole = it.e.getBoundingClientRect(), moved = whole.top !== before.top || whole.left !== before.left, lines = it.e.getClientRects();
  const r = lines.length > 1 ? lines[0] : whole;
  if (r.width === 0 && r.height === 0) return { why: "it is not visible" };
  const parts = [0.5, 0.25, 0.75, 0.1, 0.9, 0.03, 0.97]; // the middle first; something else may leave only a strip of it
  const grid = [[0.5, 0.5], [0.25, 0.25], [0.75, 0.75], [0.25, 0.75], [0.75, 0.25], ...parts.flatMap((b) => parts.map((a) => [a, b]))];
  const points = it.x === undefined
    ? grid.map(([a, b]) => [r.left + a * r.width, r.top + b * r.height])
    : [[whole.left + it.x, whole.top + it.y]];
  const near = (top) => top && (top === it.e || it.e.contains(top) || top.contains(it.e) || (it.e.labels && [...it.e.labels].includes(top)));
  const drawn = (top) => top && it.e.ownerSVGElement && top.ownerSVGElement === it.e.ownerSVGElement; // a drawing's words lie over its shapes
  for (const fits of [near, drawn]) for (const [x, y] of points) if (fits(document.elementFromPoint(x, y))) return { x, y, moved };
  const top = document.elementFromPoint(...points[0]);
  if (!top) return { why: "it is outside the window" };
  const control = (e) => e && e.closest("button,a[href],summary,input,select,textarea,label");
  const beneath = !it.e.disabled && points.every(([x, y]) => control(document.elementFromPoint(x, y)));
  const key = it.e.matches("button,a[href],summary,input:is([type=button],[type=submit],[type=reset])") ? "Enter"
    : it.e.matches("input:is([type=checkbox],[type=radio])") ? "Space" : "";
  return { why: `${top.tagName.toLowerCase()}${top.id ? "#" + top.id : ""} covers it`, key: beneath ? key : "" };
}
