// What can be asked: the chooser with counts, what the index is about, its fields, and questions to begin with.
import { el, plural, text } from "./dom.js";
import { get, pathOf, Problem } from "./stream.js";

const FILTER_FROM = 20;
const QUESTIONS = 6;

export function chooser({ select, about, suggestions, fields }, { suggest }) {
  let indexes = [];

  const add = (info, label) => {
    indexes.push(info);
    select.append(el("option", { value: info.name }, label));
  };
  // `linked` is chosen, listed or not; else `last`, where it is listed.
  const load = async (linked, last) => {
    select.replaceChildren();
    indexes = [];
    const found = await get("/indexes");
    for (const info of found) add(info, `${info.name} · ${plural(info.documents, "document", "documents")}`);
    choose(linked ?? (found.some(({ name }) => name === last) ? last : undefined));
    if (!indexes.length) throw new Problem({ detail: "There is no index to ask yet; load the demo with `nlq demo`." });
    await show();
  };
  // A link may name what no listing does: a pattern, or several with commas between.
  const choose = (name) => {
    if (!name) return;
    if (!indexes.some((info) => info.name === name)) add({ name, questions: [], about: "" }, name);
    select.value = name;
  };
  const show = async () => {
    const info = indexes.find(({ name }) => name === select.value);
    fields.hidden = true;
    if (!info) return;
    about.replaceChildren(text(info.about));
    about.hidden = !info.about;
    suggestions.replaceChildren(...info.questions.slice(0, QUESTIONS).map((question) => el("li", {},
      el("button", { type: "button", class: "chip", onclick: () => suggest(question) }, text(question)))));
    const mapping = await get(pathOf(info.name, "mapping"));
    if (select.value === info.name) drawFields(fields, fieldsOf(mapping.properties));
  };
  return { load, choose, show };
}

function drawFields(details, list) {
  const items = list.map(([name, kind]) => el("li", {}, text(name), " ", el("span", { class: "quiet" }, kind)));
  const filter = el("input", { type: "search", "aria-label": "Find a field", placeholder: "Find a field", autocomplete: "off",
    hidden: list.length < FILTER_FROM,
    oninput: ({ target }) => {
      const words = target.value.trim().toLowerCase();
      items.forEach((item, i) => { item.hidden = !list[i][0].toLowerCase().includes(words); });
    } });
  details.replaceChildren(el("summary", {}, plural(list.length, "field", "fields")), filter, el("ul", { id: "field-list" }, items));
  details.hidden = false;
}

function fieldsOf(properties, prefix = "") {
  return Object.entries(properties ?? {}).flatMap(([name, field]) => {
    const path = prefix + name;
    const own = field.type || !field.properties ? [[path, field.type ?? "object"]] : [];
    return [...own, ...fieldsOf(field.properties, `${path}.`), ...fieldsOf(field.fields, `${path}.`)];
  });
}
