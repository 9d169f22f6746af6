// The page: choose an index, ask, watch, read.
import { answerParts } from "./answer.js";
import { candidate } from "./candidates.js";
import { el, plural, text } from "./dom.js";
import { historyDialog, lastIndex, remember } from "./history.js";
import { chooser } from "./indexes.js";
import { progress as newProgress } from "./progress.js";
import { ask, sentence, useKey } from "./stream.js";

const $ = (id) => document.getElementById(id);
const [form, question, n, problem, answer, cancel] = ["ask", "question", "n", "problem", "answer", "cancel"].map($);
const progress = newProgress({ section: $("progress"), stage: $("stage"), elapsed: $("elapsed"), pills: $("pills"), cancel });
const indexes = chooser({ select: $("index"), about: $("about"), suggestions: $("suggestions"), fields: $("fields") }, {
  suggest: (words) => {
    fill(words);
    form.requestSubmit();
  },
});
let asking = null;

function show(section, ...children) {
  section.replaceChildren(...children.flat());
  section.hidden = false;
}

function showProblem(error) {
  const failed = error.document?.candidates ?? [];
  show(problem, el("p", {}, text(sentence(error))),
    error.status === 401 ? keyForm() : "",
    failed.length ? el("details", {}, el("summary", {}, `Why, for ${plural(failed.length, "candidate", "candidates")}`),
      el("ul", { class: "plain" }, failed.map((one) => el("li", {}, candidate(one))))) : "");
}

function keyForm() {
  const key = el("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true });
  return el("form", { class: "row", onsubmit: (event) => {
    event.preventDefault();
    useKey(key.value.trim());
    problem.hidden = true;
    start();
  } }, el("label", { for: "key" }, "Key"), key, el("button", { type: "submit" }, "Use it"));
}

// `asked` are the questions before this one, `previous` the last of them with its query.
async function answerTo({ index, question: words, previous, asked = [] }) {
  asking?.abort();
  const controller = new AbortController();
  asking = controller;
  answer.hidden = true;
  problem.hidden = true;
  progress.begin();
  const event = (...happened) => { if (asking === controller) progress.event(...happened); };
  try {
    const request = { question: words, previous, n: n.value === "auto" ? "auto" : Number(n.value), explain: true };
    const found = await ask(index, request, { signal: controller.signal, onEvent: event });
    if (asking !== controller) return;
    remember({ index, question: words, previous });
    const seconds = progress.seconds();
    progress.end();
    show(answer, answerParts(found, { seconds, asked: [...asked, words], follow: goOn([...asked, words], index) }));
    answer.focus({ preventScroll: true });
  } catch (error) {
    if (asking !== controller) return;
    progress.end(controller.signal.aborted ? "Cancelled" : null);
    if (!controller.signal.aborted) showProblem(error);
  } finally {
    if (asking === controller) asking = null;
  }
}

const goOn = (asked, index) => ({ question: words, query }) => {
  answerTo({ index, question: words, asked, previous: { question: asked.join("; "), query } });
};

function submit(event) {
  event.preventDefault();
  const words = question.value.trim();
  const index = $("index").value;
  if (!words || !index) return;
  history.replaceState(null, "", `?${new URLSearchParams({ index, q: words })}`);
  answerTo({ index, question: words });
}

function again({ index, question: words, previous }) {
  indexes.choose(index);
  indexes.show().catch(showProblem);
  fill(previous ? previous.question : words);
  answerTo({ index, question: words, previous, asked: previous ? [previous.question] : [] });
}

function fill(words) {
  question.value = words;
  grow();
}

function grow() {
  question.style.blockSize = "auto";
  question.style.blockSize = `${question.scrollHeight}px`;
}

function start() {
  const wanted = new URLSearchParams(location.search);
  if (!question.value) fill(wanted.get("q") ?? "");
  indexes.load(wanted.get("index"), lastIndex()).catch(showProblem);
}

form.addEventListener("submit", submit);
cancel.addEventListener("click", () => asking?.abort());
$("index").addEventListener("change", () => indexes.show().catch(showProblem));
question.addEventListener("input", grow);
question.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) asking?.abort();
});
historyDialog($("history"), $("history-dialog"), again);
start();
