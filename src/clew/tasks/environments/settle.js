// Resolves when the page has been still for `quiet` milliseconds, or after `most` in any case (some pages never are).
([quiet, most]) => new Promise((resolve) => {
  let timer = 0;
  const end = () => { watcher.disconnect(); clearTimeout(timer); clearTimeout(limit); resolve(true); };
  const again = () => { clearTimeout(timer); timer = setTimeout(end, quiet); };
  const watcher = new MutationObserver(again);
  const limit = setTimeout(end, most);
  watcher.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  again();
})
