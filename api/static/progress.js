// What happens while a question is answered: its stages, and a mark for every candidate.
import { OUTCOMES, repaired } from "./candidates.js";
import { count, el, plural } from "./dom.js";

export function progress({ section, stage, elapsed, pills, cancel }) {
  const written = () => pills.children.length;
  const STAGES = {
    schema: (schema) => `Read ${plural(schema.fields.length, "field", "fields")} of ${schema.index}`,
    values: (values) => (values.length
      ? `Recognised ${values.map((v) => `${v.field} = ${v.value}`).slice(0, 3).join(", ")}`
      : "Looking for similar questions"),
    examples: (examples) => `Writing queries, guided by ${plural(examples.length, "similar question", "similar questions")}`,
    sampled: () => `${plural(written(), "query", "queries")} written`,
    candidate: () => `${plural(written(), "candidate", "candidates")}, ${count(pills.querySelectorAll(".executed").length)} ran`,
    ballot: (ballot) => `${count(ballot.for)} of ${count(ballot.of)} agree`,
  };
  let timer;
  let began;
  const seconds = () => (performance.now() - began) / 1000;
  const tick = () => { elapsed.textContent = `${Math.floor(seconds())} s`; };

  return {
    seconds,
    begin() {
      began = performance.now();
      clearInterval(timer);
      timer = setInterval(tick, 1000);
      tick();
      pills.replaceChildren();
      stage.textContent = "Asking";
      section.hidden = false;
      section.classList.add("busy");
      cancel.hidden = false;
    },
    event(name, data) {
      if (name === "sampled") pills.append(el("li", { class: "pill sampled", title: data.text }, "written"));
      if (name === "candidate") {
        const waiting = pills.querySelector(".sampled");
        if (waiting) waiting.replaceWith(pill(data));
        else pills.append(pill(data));
      }
      stage.textContent = STAGES[name]?.(data) ?? stage.textContent;
    },
    // With words they stay, without the section goes.
    end(words) {
      clearInterval(timer);
      section.classList.remove("busy");
      cancel.hidden = true;
      section.hidden = !words;
      stage.textContent = words ?? "";
    },
  };
}

function pill(data) {
  const label = OUTCOMES[data.outcome] ?? data.outcome;
  const found = data.total === null ? "" : ` · ${count(data.total)}`;
  const notes = [data.reason, ...data.repairs.map(repaired)].filter(Boolean);
  return el("li", { class: `pill ${data.outcome}`, title: notes.join("; ") || data.text }, label + found);
}
