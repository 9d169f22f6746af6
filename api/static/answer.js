// The answer and its evidence: what was understood, the result, the query, the candidates, the other readings.
import { copies, copyButton, count, el, plural, shortened, text } from "./dom.js";
import { feedback } from "./feedback.js";
import { result } from "./result.js";

export const OUTCOMES = {
  executed: "ran",
  unparsed: "no JSON",
  invalid: "not valid",
  refused: "not allowed",
  rejected: "rejected",
  timed_out: "too slow",
};

export function answerParts(answer, seconds) {
  return [
    el("h2", { class: "readback" }, text(answer.readback || answer.question)),
    repairs(answer.repairs),
    confidence(answer, seconds),
    el("div", { class: "result" }, result(answer.query, answer.response)),
    feedback(answer),
    queryBlock(answer),
    candidates(answer),
    alternatives(answer),
  ].filter(Boolean);
}

export const repaired = ({ field, was, now, to }) => `${field}: '${was}' became '${now}'${to && ` in ${to}`}`;

function repairs(list) {
  if (!list.length) return null;
  return el("ul", { class: "plain repairs", "aria-label": "Repaired values" },
    list.map(({ field, was, now, to }) => el("li", {}, text(field), ": '", text(was), "' became '", text(now), "'",
      ...(to ? [" in ", text(to)] : []))));
}

function confidence({ votes, confidence: share, response }, seconds) {
  const meter = el("span", { class: "meter", "aria-hidden": "true" }, el("span", { class: "fill" }));
  meter.firstChild.style.inlineSize = `${Math.round(100 * share)}%`;
  return el("p", { class: "confidence quiet" }, meter,
    el("span", {}, `${count(votes.for)} of ${plural(votes.of, "candidate agrees", "candidates agree")}`),
    el("span", {}, `confidence ${Math.round(100 * share)} %`),
    el("span", {}, `${seconds.toFixed(1)} s, Elasticsearch ${count(response.took)} ms`));
}

function queryBlock({ index, query }) {
  const forms = copies(index, query);
  return el("details", { class: "query" },
    el("summary", {}, "Generated query"),
    el("div", { class: "copies" }, el("span", { class: "quiet" }, "Copy as"),
      Object.entries(forms).map(([label, content]) => copyButton(label, content))),
    code(JSON.stringify(shortened(query), null, 2)));
}

const code = (content) => el("pre", { tabindex: "0" }, el("code", { dir: "ltr" }, content));

function candidates({ candidates: list, votes }) {
  if (!list?.length) return null;
  const groups = votes.groups.map((_, i) => list.filter((candidate) => candidate.group === i));
  const failed = list.filter((candidate) => candidate.group === null);
  return el("details", {},
    el("summary", {}, `${plural(list.length, "candidate", "candidates")}, ${plural(groups.length, "result", "different results")}`),
    groups.map((members, i) => group(`${i === 0 ? "Chosen" : `Result ${i + 1}`} · ${plural(members.length, "vote", "votes")}`, members)),
    failed.length ? group(`No result · ${count(failed.length)}`, failed) : null);
}

function group(title, members) {
  return el("div", { class: "group" }, el("h3", {}, title),
    el("ul", { class: "plain" }, members.map((member) => el("li", {}, candidate(member)))));
}

export function candidate(member) {
  const facts = [
    OUTCOMES[member.outcome] ?? member.outcome,
    member.total === null || member.total === undefined ? "" : plural(member.total, "document", "documents"),
    typeof member.logprob === "number" ? `log-probability ${member.logprob.toFixed(2)}` : "",
  ].filter(Boolean);
  return [
    el("p", { class: "facts" }, el("span", { class: `dot ${member.outcome}`, "aria-hidden": "true" }), facts.join(" · ")),
    member.reason ? el("p", { class: "reason" }, text(member.reason)) : null,
    repairs(member.repairs),
    el("pre", { class: "line", tabindex: "0" }, el("code", { dir: "ltr" }, member.text)),
  ].filter(Boolean);
}

function alternatives({ index, alternatives: list }) {
  if (!list.length) return null;
  return el("details", {},
    el("summary", {}, plural(list.length, "other reading", "other readings")),
    list.map((other) => el("div", { class: "group" },
      el("h3", {}, plural(other.votes, "vote", "votes")),
      repairs(other.repairs),
      result(other.query, other.response),
      el("div", { class: "copies" }, Object.entries(copies(index, other.query)).map(([label, content]) => copyButton(label, content))),
      el("pre", { class: "line", tabindex: "0" }, el("code", { dir: "ltr" }, JSON.stringify(shortened(other.query)))))));
}
