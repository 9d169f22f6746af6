// What was asked on this page, kept in the browser alone.
import { el, text } from "./dom.js";

const KEY = "nlq-history";
const MOST = 50;

function read() {
  try {
    const entries = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(entries) ? entries.filter((entry) => entry?.index && entry.question) : [];
  } catch {
    return []; // no storage here, or not what was written
  }
}

function write(entries) {
  try {
    localStorage.setItem(KEY, JSON.stringify(entries));
  } catch {
    // A full or forbidden storage keeps no history; the page works without.
  }
}

const same = (a, b) => a.index === b.index && a.question === b.question && JSON.stringify(a.previous) === JSON.stringify(b.previous);

export function remember(entry) {
  write([entry, ...read().filter((other) => !same(entry, other))].slice(0, MOST));
}

export const lastIndex = () => read()[0]?.index;

// A dialog of what was asked; `again` gets the entry that is chosen.
export function historyDialog(button, dialog, again) {
  const list = el("ul", { class: "plain" });
  const empty = el("p", { class: "quiet" }, "Nothing asked yet. Questions are kept in this browser only.");
  const clear = el("button", { type: "button", onclick: () => { write([]); draw(); } }, "Clear");
  const draw = () => {
    const entries = read();
    list.replaceChildren(...entries.map((entry) => el("li", {},
      el("button", { type: "button", class: "entry", onclick: () => { dialog.close(); again(entry); } },
        text(entry.question),
        el("span", { class: "quiet" }, text(entry.index), entry.previous ? [" · after ", text(entry.previous.question)] : "")))));
    empty.hidden = entries.length > 0;
    clear.hidden = !entries.length;
  };
  dialog.append(el("h2", { id: "history-title" }, "History"), empty, list,
    el("div", { class: "row" }, clear, el("button", { type: "button", onclick: () => dialog.close() }, "Close")));
  dialog.addEventListener("click", ({ target }) => { if (target === dialog) dialog.close(); });
  button.addEventListener("click", () => {
    draw();
    dialog.showModal();
  });
}
