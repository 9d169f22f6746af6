// What the model wrote, and what became of it.
import { count, el, plural, text } from "./dom.js";

export const OUTCOMES = {
  executed: "ran",
  unparsed: "no JSON",
  invalid: "not valid",
  refused: "not allowed",
  rejected: "rejected",
  timed_out: "too slow",
};

export const repaired = ({ field, was, now, to }) => `${field}: '${was}' became '${now}'${to && ` in ${to}`}`;

export function repairs(list) {
  if (!list.length) return null;
  return el("ul", { class: "plain repairs", "aria-label": "Repaired values" },
    list.map(({ field, was, now, to }) => el("li", {}, text(field), ": '", text(was), "' became '", text(now), "'",
      ...(to ? [" in ", text(to)] : []))));
}

export function candidates({ candidates: list, votes }) {
  if (!list?.length) return null;
  const groups = votes.groups.map((_, i) => list.filter((candidate) => candidate.group === i));
  const failed = list.filter((candidate) => candidate.group === null);
  return el("details", {},
    el("summary", {}, `${plural(list.length, "candidate", "candidates")}, ${plural(groups.length, "result", "different results")}`),
    groups.map((members, i) => group(`${i === 0 ? "Chosen" : `Result ${i + 1}`} · ${plural(votes.groups[i], "vote", "votes")}`, members)),
    failed.length ? group(`No result · ${count(failed.length)}`, failed) : null);
}

function group(title, members) {
  return el("div", { class: "group" }, el("h3", {}, title),
    el("ul", { class: "plain" }, members.map((member) => el("li", {}, candidate(member)))));
}

const ORIGINS = { neighbour: "edited", revised: "second look" };

export function candidate(member) {
  const facts = [
    OUTCOMES[member.outcome] ?? member.outcome,
    ORIGINS[member.origin],
    member.edit,
    member.total === null || member.total === undefined ? "" : plural(member.total, "document", "documents"),
    typeof member.logprob === "number" ? `log-probability ${member.logprob.toFixed(2)}` : "",
  ].filter(Boolean);
  const notes = (member.signals ?? []).map(({ note }) => note).filter(Boolean);
  return [
    el("p", { class: "facts" }, el("span", { class: `dot ${member.outcome}`, "aria-hidden": "true" }), facts.join(" · ")),
    member.reason ? el("p", { class: "reason" }, text(member.reason)) : null,
    repairs(member.repairs),
    notes.length ? el("p", { class: "facts" }, text(notes.join("; "))) : null,
    el("pre", { class: "line", tabindex: "0" }, el("code", { dir: "ltr" }, member.text)),
  ].filter(Boolean);
}
