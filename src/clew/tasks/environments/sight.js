// What can be seen, in short, as text that is another when something is. With `most` it is waited so many milliseconds for another than `was`.
async ([was, most]) => {
  const held = (e) => `${e.checked}${e.value}${e.scrollTop}`;
  const sight = () => (document.body ? document.body.innerText : "") + [...document.querySelectorAll("input,select,textarea")].map(held).join("|");
  let now = sight();
  for (let waited = 0; now === was && waited < most; waited += 25) {
    await new Promise((done) => setTimeout(done, 25));
    now = sight();
  }
  return now;
}
