// The answer and its evidence: what was understood, the result, the query, the candidates, the other readings.
import { candidates, repairs } from "./candidates.js";
import { copyButtons } from "./copy.js";
import { editable, count, el, plural, shortened, text } from "./dom.js";
import { editor as newEditor } from "./editor.js";
import { feedback } from "./feedback.js";
import { result } from "./result.js";
import { fetchFile, pathOf, send, sentence } from "./stream.js";

// `asked` are the questions that led here, `follow` asks one that goes on from the query on the page.
export function answerParts(answer, { seconds, asked, follow }) {
  const { index } = answer;
  const notice = newNotice();
  const head = el("div", { class: "head" });
  const body = el("div", { class: "result" });
  let shown;

  const attempt = async (work) => {
    notice.clear();
    try {
      return await work();
    } catch (error) {
      notice.complain(sentence(error));
      return null;
    }
  };
  const following = (query, next) => (next ? () => attempt(async () => {
    const page = await send(pathOf(index, "query"), { query, next });
    return { hits: page.response.hits, more: following(query, page.next) };
  }) : undefined);
  const show = (ran, ...parts) => {
    shown = ran;
    head.replaceChildren(el("h2", { class: "readback" }, text(ran.readback || answer.question)), ...parts.filter(Boolean));
    body.replaceChildren(...[result({ ...ran, more: following(ran.query, ran.next) })].flat());
  };
  const showAnswer = () => {
    show(answer, unsure(answer, read), repairs(answer.repairs), confidence(answer, seconds));
    editor.show(answer.query);
  };
  const run = (query, note, { edited = false } = {}) => attempt(async () => {
    notice.say("Running");
    const ran = await send(pathOf(index, "query"), { query });
    notice.clear();
    show(ran, el("p", { class: "confidence quiet" }, el("span", {}, note), el("span", {}, `Elasticsearch ${count(ran.response.took)} ms`),
      el("button", { type: "button", class: "link", onclick: showAnswer }, "Back to the answer")));
    if (!edited) editor.show(ran.query);
  });
  const read = (other) => run(other.query, `another reading, ${plural(other.votes, "vote", "votes")}`);

  const editor = newEditor({
    index, query: answer.query, complain: notice.complain,
    run: (query) => run(query, "your query", { edited: true }),
  });
  showAnswer();
  return [
    trail(asked),
    head,
    body,
    files(index, () => shown.query, attempt),
    followUp((question) => follow({ question, query: editable(shown.query) })),
    feedback(answer, { editor, notice, shown: () => ({ query: shown.query, own: shown === answer }) }),
    notice.element,
    editor.details,
    candidates(answer),
    alternatives(answer, read),
  ].filter(Boolean);
}

// What the service says to a press of a button.
function newNotice() {
  const status = el("p", { class: "quiet", role: "status" });
  const problem = el("p", { class: "bad", role: "alert", hidden: true });
  const say = (words) => {
    status.textContent = words;
    problem.hidden = true;
  };
  const complain = (words) => {
    status.textContent = "";
    problem.replaceChildren(text(words));
    problem.hidden = false;
  };
  return { element: el("div", { class: "notice" }, problem, status), say, complain, clear: () => say("") };
}

function trail(asked) {
  if (asked.length < 2) return null;
  return el("ol", { class: "trail quiet", "aria-label": "Asked" }, asked.map((question) => el("li", {}, text(question))));
}

function unsure({ unsure: doubtful, alternatives: list }, read) {
  if (!doubtful || !list.length) return null;
  return el("div", { class: "unsure" }, el("p", {}, "Not sure. Did you mean …"),
    el("ul", { class: "plain" }, list.slice(0, 3).map((other) => el("li", {},
      el("button", { type: "button", class: "reading", onclick: () => read(other) },
        text(other.readback || JSON.stringify(shortened(other.query))),
        el("span", { class: "quiet" }, ` · ${plural(other.votes, "vote", "votes")}`))))));
}

function confidence({ votes, confidence: share, response, cached, answered_as: words }, seconds) {
  const meter = el("span", { class: "meter", "aria-hidden": "true" }, el("span", { class: "fill" }));
  meter.firstChild.style.inlineSize = `${Math.round(100 * share)}%`;
  return el("p", { class: "confidence quiet" }, meter,
    el("span", {}, `${count(votes.for)} of ${plural(votes.of, "candidate agrees", "candidates agree")}`),
    el("span", {}, `confidence ${Math.round(100 * share)} %`),
    ...(cached ? [el("span", {}, "answered before", ...(words ? [" as ", text(words)] : []))] : []),
    el("span", {}, `${seconds.toFixed(1)} s, Elasticsearch ${count(response.took)} ms`));
}

function files(index, query, attempt) {
  const save = (format) => attempt(async () => {
    const url = URL.createObjectURL(await fetchFile(`${pathOf(index, "query")}?format=${format}`, { query: query() }));
    el("a", { href: url, download: `${index.replace(/[^\w-]+/g, "_")}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  });
  return el("div", { class: "row files" }, el("span", { class: "quiet" }, "Download as"),
    ["csv", "ndjson"].map((format) => el("button", { type: "button", class: "small", "aria-label": `Download as ${format.toUpperCase()}`,
      onclick: () => save(format) }, format.toUpperCase())));
}

function followUp(follow) {
  const box = el("input", { id: "follow", type: "text", dir: "auto", maxlength: "2000", autocomplete: "off", enterkeyhint: "search",
    placeholder: "only the ones after 2000" });
  return el("form", { class: "follow", onsubmit: (event) => {
    event.preventDefault();
    if (box.value.trim()) follow(box.value.trim());
  } },
  el("label", { for: "follow" }, "Go on from here"),
  el("div", { class: "row" }, box, el("button", { type: "submit" }, "Ask on")));
}

function alternatives({ index, alternatives: list }, read) {
  if (!list.length) return null;
  return el("details", {},
    el("summary", {}, plural(list.length, "other reading", "other readings")),
    list.map((other) => el("div", { class: "group" },
      el("h3", {}, other.readback ? [text(other.readback), " · "] : [], plural(other.votes, "vote", "votes")),
      repairs(other.repairs),
      result(other),
      el("div", { class: "row" }, el("button", { type: "button", class: "small", onclick: () => read(other) }, "Show this one")),
      copyButtons(index, () => other.query),
      el("pre", { class: "line", tabindex: "0" }, el("code", { dir: "ltr" }, JSON.stringify(shortened(other.query)))))));
}
