// The query to be read, changed, run and copied: a text area with line numbers.
import { copyButtons } from "./copy.js";
import { editable, el } from "./dom.js";

const LEAST_LINES = 3;
const MOST_LINES = 24;

// `run` gets the query as a body; `complain` a sentence about what is no query.
export function editor({ index, query, run, complain }) {
  const gutter = el("pre", { class: "gutter", "aria-hidden": "true" });
  const area = el("textarea", { id: "query", class: "code", dir: "ltr", wrap: "off", spellcheck: "false", autocomplete: "off",
    autocapitalize: "off" });
  let whole;
  let unchanged;

  const number = () => {
    const lines = area.value.split("\n").length;
    gutter.textContent = Array.from({ length: lines }, (_, i) => i + 1).join("\n");
    area.rows = Math.min(MOST_LINES, Math.max(LEAST_LINES, lines));
  };
  const show = (body) => {
    whole = body;
    area.value = JSON.stringify(editable(body), null, 2);
    unchanged = area.value;
    number();
  };
  // What is copied runs on the cluster as it is: with the vectors that are words in the editor.
  const current = () => (area.value === unchanged ? whole : parsed(area.value));
  const submit = () => {
    try {
      run(parsed(area.value));
    } catch (error) {
      complain(error.message);
    }
  };
  area.addEventListener("input", number);
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });
  show(query);

  const buttons = el("div", { class: "row" },
    el("button", { type: "button", class: "primary small", onclick: submit, title: "Ctrl+Enter" }, "Run"),
    el("button", { type: "button", class: "small", onclick: () => show(whole) }, "Reset"));
  const details = el("details", { class: "query", id: "query-part" },
    el("summary", {}, "Query"),
    el("label", { class: "hidden", for: "query" }, "Query"),
    el("div", { class: "editor" }, gutter, area),
    buttons,
    copyButtons(index, current, (error) => complain(error.message)));
  return { details, area, buttons, show, parsed: () => parsed(area.value) };
}

// Throws what is to be said to the person.
function parsed(content) {
  let body;
  try {
    body = JSON.parse(content);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}.`, { cause: error });
  }
  if (body === null || typeof body !== "object" || Array.isArray(body)) throw new Error("The query must be a JSON object: { … }.");
  return body;
}
