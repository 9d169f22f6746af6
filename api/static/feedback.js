// Under an answer: "This was right" and "Correct the query". What passes the service's checks becomes an example.
import { el, text } from "./dom.js";
import { Problem, send } from "./stream.js";

export function feedback({ index, question, query }) {
  const status = el("p", { class: "quiet", role: "status" });
  const problem = el("p", { class: "bad", role: "alert", hidden: true });
  const right = el("button", { type: "button", class: "small" }, "This was right");
  const correct = el("button", { type: "button", class: "small", "aria-expanded": "false", "aria-controls": "editor" },
    "Correct the query");
  const area = el("textarea", { id: "corrected", class: "editor", dir: "ltr", spellcheck: "false", autocomplete: "off" });
  const save = el("button", { type: "submit", class: "primary small" }, "Save");
  const cancel = el("button", { type: "button", class: "small" }, "Cancel");
  const form = el("form", { id: "editor", hidden: true }, el("label", { for: "corrected" }, "Query"), area,
    el("div", { class: "copies" }, save, cancel));

  const complain = (sentence) => {
    status.textContent = "";
    problem.replaceChildren(text(sentence));
    problem.hidden = false;
  };
  const open = (wanted) => {
    form.hidden = !wanted;
    correct.setAttribute("aria-expanded", String(wanted));
    problem.hidden = true;
    if (wanted && !area.value) {
      area.value = JSON.stringify(editable(query), null, 2);
      area.rows = Math.min(24, area.value.split("\n").length + 1);
    }
    (wanted ? area : correct).focus();
  };
  const tell = async (verdict, body) => {
    const buttons = [right, correct, save];
    for (const button of buttons) button.disabled = true;
    problem.hidden = true;
    status.textContent = "Checking";
    try {
      await send(`/${encodeURIComponent(index)}/feedback`, { verdict, question, query: body });
      form.hidden = true;
      for (const button of [right, correct]) button.hidden = true;
      status.textContent = "Kept as an example: questions like this one will be shown it.";
    } catch (error) {
      complain(error instanceof Problem ? error.message : "The service cannot be reached; is it still running?");
      for (const button of buttons) button.disabled = false;
    }
  };

  right.addEventListener("click", () => tell("right", query));
  correct.addEventListener("click", () => open(form.hidden));
  cancel.addEventListener("click", () => open(false));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { body, wrong } = parsed(area.value);
    if (wrong) complain(wrong);
    else tell("corrected", body);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") open(false);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  return el("section", { class: "feedback", "aria-label": "Was this right?" },
    el("div", { class: "copies" }, right, correct), form, problem, status);
}

// The query to be edited: of a vector the text that it was made of, nothing that the service adds by itself.
function editable(query) {
  const { track_total_hits: _, ...rest } = query;
  return JSON.parse(JSON.stringify(rest, (key, value) => {
    if (!Array.isArray(value?.query_vector) || typeof value._name !== "string") return value;
    const { _name: words, ...clause } = value;
    return { ...clause, query_vector: words };
  }));
}

function parsed(content) {
  try {
    const body = JSON.parse(content);
    const fine = body !== null && typeof body === "object" && !Array.isArray(body);
    return fine ? { body } : { wrong: "The query must be a JSON object: { … }." };
  } catch (error) {
    return { wrong: `This is not JSON: ${error.message}.` };
  }
}
