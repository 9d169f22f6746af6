// Under an answer: "This was right" and "Correct the query". What passes the service's checks becomes an example.
import { el } from "./dom.js";
import { pathOf, send, sentence } from "./stream.js";

// `shown` tells the query that is on the page now and whether it is the answer's own.
export function feedback({ index, question }, { editor, notice, shown }) {
  const right = el("button", { type: "button", class: "small" }, "This was right");
  const correct = el("button", { type: "button", class: "small", "aria-expanded": "false", "aria-controls": "query-part" }, "Correct the query");
  const save = el("button", { type: "button", class: "small", hidden: true }, "Save as the right query");
  const buttons = [right, correct, save];
  const { details, area } = editor;

  const tell = async (verdict, query) => {
    for (const button of buttons) button.disabled = true;
    notice.say("Checking");
    try {
      await send(pathOf(index, "feedback"), { verdict, question, query });
      details.open = false;
      for (const button of buttons) button.hidden = true;
      notice.say("Kept as an example: questions like this one will be shown it.");
    } catch (error) {
      notice.complain(sentence(error));
      for (const button of buttons) button.disabled = false;
    }
  };
  right.addEventListener("click", () => {
    const { query, own } = shown();
    tell(own ? "right" : "corrected", query);
  });
  correct.addEventListener("click", () => {
    details.open = !details.open;
    if (!details.open) return;
    save.hidden = false;
    area.focus();
  });
  save.addEventListener("click", () => {
    try {
      tell("corrected", editor.parsed());
    } catch (error) {
      notice.complain(error.message);
    }
  });
  details.addEventListener("toggle", () => correct.setAttribute("aria-expanded", String(details.open)));
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    (correct.hidden ? details.firstChild : correct).focus();
    event.stopPropagation();
  });
  editor.buttons.append(save);
  return el("div", { class: "row feedback", role: "group", "aria-label": "Was this right?" }, right, correct);
}
