// The page: choose an index, ask, watch, read.
import { answerParts, candidate, OUTCOMES, repaired } from "./answer.js";
import { count, el, plural, text } from "./dom.js";
import { ask, get, Problem } from "./stream.js";

const $ = (id) => document.getElementById(id);
const page = {
  form: $("ask"), question: $("question"), index: $("index"), n: $("n"), submit: $("submit"),
  suggestions: $("suggestions"), fields: $("fields"), fieldList: $("field-list"),
  progress: $("progress"), stage: $("stage"), elapsed: $("elapsed"), pills: $("pills"), cancel: $("cancel"),
  spinner: $("spinner"), problem: $("problem"), answer: $("answer"),
};
let indexes = [];
let asking = null;

const STAGES = {
  schema: (schema) => `Read ${plural(schema.fields.length, "field", "fields")} of ${schema.index}`,
  values: (values) => (values.length
    ? `Recognised ${values.map((v) => `${v.field} = ${v.value}`).slice(0, 3).join(", ")}`
    : "Looking for similar questions"),
  examples: (examples) => `Writing queries, guided by ${plural(examples.length, "similar question", "similar questions")}`,
  sampled: () => `${plural(page.pills.children.length, "query", "queries")} written`,
  candidate: () => {
    const ran = page.pills.querySelectorAll(".executed").length;
    return `${plural(page.pills.children.length, "candidate", "candidates")}, ${count(ran)} ran`;
  },
  ballot: (ballot) => `${count(ballot.for)} of ${count(ballot.of)} agree`,
};

function show(section, ...children) {
  section.replaceChildren(...children.flat());
  section.hidden = false;
}

function showProblem(error) {
  const document_ = error instanceof Problem ? error.document : {};
  const sentence = error instanceof Problem ? error.message : "The service cannot be reached; is it still running?";
  const failed = document_.candidates ?? [];
  show(page.problem, el("p", {}, text(sentence)),
    failed.length ? el("details", {}, el("summary", {}, `Why, for ${plural(failed.length, "candidate", "candidates")}`),
      el("ul", { class: "plain" }, failed.map((one) => el("li", {}, candidate(one))))) : "");
}

function onEvent(name, data) {
  if (name === "sampled") page.pills.append(el("li", { class: "pill sampled", title: data.text }, "written"));
  if (name === "candidate") {
    const label = OUTCOMES[data.outcome] ?? data.outcome;
    const notes = [data.reason, ...data.repairs.map(repaired)].filter(Boolean);
    const pill = el("li", { class: `pill ${data.outcome}`, title: notes.join("; ") || data.text }, label);
    const waiting = page.pills.querySelector(".sampled");
    if (waiting) waiting.replaceWith(pill);
    else page.pills.append(pill);
  }
  page.stage.textContent = STAGES[name]?.(data) ?? "";
}

function clock() {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  const tick = () => { page.elapsed.textContent = `${Math.floor(seconds())} s`; };
  tick();
  const timer = setInterval(tick, 1000);
  return { seconds, stop: () => clearInterval(timer) };
}

async function submit(event) {
  event.preventDefault();
  const question = page.question.value.trim();
  const index = page.index.value;
  if (!question || !index) return;
  asking?.abort();
  const controller = new AbortController();
  asking = controller;
  begin(index, question);
  const time = clock();
  try {
    const n = page.n.value === "auto" ? "auto" : Number(page.n.value);
    const answer = await ask(index, { question, n, explain: true }, { signal: controller.signal, onEvent });
    show(page.answer, answerParts(answer, time.seconds()));
    page.stage.textContent = "Answered";
    page.progress.hidden = true;
    page.answer.focus({ preventScroll: true });
  } catch (error) {
    if (controller.signal.aborted) {
      if (asking === controller) page.stage.textContent = "Cancelled";
    } else {
      page.progress.hidden = true;
      showProblem(error);
    }
  } finally {
    time.stop();
    if (asking === controller) end();
  }
}

function begin(index, question) {
  history.replaceState(null, "", `?${new URLSearchParams({ index, q: question })}`);
  page.answer.hidden = true;
  page.problem.hidden = true;
  page.pills.replaceChildren();
  page.stage.textContent = "Asking";
  page.progress.hidden = false;
  page.progress.classList.add("busy");
  page.cancel.hidden = false;
}

function end() {
  asking = null;
  page.cancel.hidden = true;
  page.progress.classList.remove("busy");
}

function fieldsOf(properties, prefix = "") {
  return Object.entries(properties ?? {}).flatMap(([name, field]) => {
    const path = prefix + name;
    const own = field.type || !field.properties ? [[path, field.type ?? "object"]] : [];
    return [...own, ...fieldsOf(field.properties, `${path}.`), ...fieldsOf(field.fields, `${path}.`)];
  });
}

async function choose() {
  const info = indexes.find((one) => one.name === page.index.value);
  page.fields.hidden = true;
  if (!info) return;
  page.suggestions.replaceChildren(...info.questions.slice(0, 6).map((question) => el("li", {},
    el("button", { type: "button", class: "chip", onclick: () => suggest(question) }, text(question)))));
  const mapping = await get(`/${encodeURIComponent(info.name)}/mapping`);
  if (page.index.value !== info.name) return;
  const fields = fieldsOf(mapping.properties);
  page.fields.firstElementChild.textContent = plural(fields.length, "field", "fields");
  page.fieldList.replaceChildren(...fields.map(([name, kind]) => el("li", {}, text(name), " ", el("span", { class: "quiet" }, kind))));
  page.fields.hidden = false;
}

function suggest(question) {
  page.question.value = question;
  grow();
  page.form.requestSubmit();
}

function grow() {
  page.question.style.blockSize = "auto";
  page.question.style.blockSize = `${page.question.scrollHeight}px`;
}

async function start() {
  const wanted = new URLSearchParams(location.search);
  page.question.value = wanted.get("q") ?? "";
  grow();
  indexes = await get("/indexes");
  page.index.replaceChildren(...indexes.map(({ name, documents }) =>
    el("option", { value: name }, `${name} · ${plural(documents, "document", "documents")}`)));
  const linked = wanted.get("index");
  // A link may name what no listing does: a pattern, or several with commas between.
  if (linked && !indexes.some(({ name }) => name === linked)) {
    indexes.push({ name: linked, questions: [] });
    page.index.append(el("option", { value: linked }, linked));
  }
  if (linked) page.index.value = linked;
  if (!indexes.length) throw new Problem({ detail: "There is no index to ask yet; load the demo with `nlq demo`." });
  await choose();
}

page.form.addEventListener("submit", submit);
page.cancel.addEventListener("click", () => asking?.abort());
page.index.addEventListener("change", () => choose().catch(showProblem));
page.question.addEventListener("input", grow);
page.question.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    page.form.requestSubmit();
  }
});
start().catch(showProblem);
