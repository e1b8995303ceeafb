// Runs before any script of the page: notes which elements listen for clicks, so that a plain <div> that does is known as a button.
(() => {
  if (window.__clew) return;
  const heard = new WeakSet();
  const clicks = new Set(["click", "dblclick", "mousedown", "mouseup", "pointerdown", "pointerup", "touchstart"]);
  const add = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (clicks.has(type) && this instanceof Element) heard.add(this);
    return add.call(this, type, ...rest);
  };
  window.__clew = { heard, shown: [] };
})();
