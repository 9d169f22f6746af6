// What the engine answered: documents as a table, aggregations as numbers and tables, with a chart where there is one.
import { aggregation, below, figure } from "./buckets.js";
import { chart } from "./chart.js";
import { count, el, plural, text } from "./dom.js";

const COLUMNS = 8;
const CLIP = 140;

// `more` fetches the hits that follow: {hits, more}, `more` undefined with the last.
export function result({ query, response, chart: spec, more }) {
  const names = Object.keys(response.aggregations);
  const parts = names.map((name) => aggregation(name, response.aggregations[name], { spec: below(query)[name], documents }));
  if (response.hits.length) parts.push(documents({ ...response, query, more }));
  if (!parts.length && query.size === 0) parts.push(figure(count(response.total), response.total === 1 ? "document" : "documents"));
  if (!parts.length) parts.push(el("p", { class: "empty" }, "No document matches."));
  return spec ? withChart(spec, parts) : parts;
}

// Numbers stand beside the chart; what it draws is a table behind the second button.
function withChart(spec, parts) {
  const isFigure = (part) => part.classList.contains("figure");
  const table = el("div", { class: "tables", hidden: true }, parts.filter((part) => !isFigure(part)));
  const drawn = chart(spec);
  const buttons = [[drawn, "Chart"], [table, "Table"]].map(([part, label]) => el("button", {
    type: "button", class: "small", "aria-pressed": String(part === drawn),
    onclick: ({ target }) => {
      for (const one of [drawn, table]) one.hidden = one !== part;
      for (const button of buttons) button.setAttribute("aria-pressed", String(button === target));
    },
  }, label));
  return [...parts.filter(isFigure), el("div", { class: "row views", role: "group", "aria-label": "Shown as" }, buttons), drawn, table];
}

function documents({ hits: first, total, query, more }) {
  const rows = [];
  const wrapper = el("div", { class: "documents" });
  let wide = false;
  let following = more;
  const draw = () => {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row.fields)))];
    const columns = names.length ? askedFirst(names, query) : ["_id"];
    const extra = wide ? 0 : columns.length - COLUMNS;
    wrapper.replaceChildren(
      el("p", { class: "quiet" }, plural(total, "document matches", "documents match"),
        total > rows.length ? `, ${count(rows.length)} shown` : ""),
      table(extra > 0 ? columns.slice(0, COLUMNS) : columns, rows),
      el("div", { class: "row" },
        following ? el("button", { type: "button", class: "small", onclick: next }, "Show more") : null,
        extra > 0 ? el("button", { type: "button", class: "small", onclick: () => { wide = true; draw(); } },
          `Show ${plural(extra, "more column", "more columns")}`) : null));
  };
  const add = (hits) => rows.push(...hits.map((hit) => ({ _id: hit._id, fields: { ...flat(hit._source ?? {}), ...hit.fields } })));
  const next = async ({ target }) => {
    target.disabled = true;
    const page = await following();
    target.disabled = false;
    if (!page) return;
    add(page.hits);
    following = page.more;
    draw();
  };
  add(first);
  draw();
  return wrapper;
}

// The first column, which mostly says what a document is, those that the query speaks of, and the others.
function askedFirst([first, ...others], query) {
  const said = JSON.stringify(query ?? {});
  const isNamed = (name) => said.includes(`"${name}"`) || said.includes(`"${name}.`);
  return [first, ...others.filter(isNamed), ...others.filter((name) => !isNamed(name))];
}

function table(columns, rows) {
  const head = el("tr", {}, columns.map((name) => el("th", { scope: "col" }, text(name))));
  const body = rows.map((row) => el("tr", {}, columns.map((name) => {
    const value = name in row.fields ? row.fields[name] : name === "_id" ? row._id : null;
    return el("td", { class: typeof value === "number" ? "num" : "" }, cell(value));
  })));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Documents" },
    el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

// {a: {b: 1}} becomes {"a.b": 1}: one column for each path, named as a query names it.
function flat(source, prefix = "") {
  return Object.entries(source).reduce((fields, [name, value]) => {
    const path = prefix + name;
    const inner = value !== null && typeof value === "object" && !Array.isArray(value);
    return Object.assign(fields, inner ? flat(value, `${path}.`) : { [path]: value });
  }, {});
}

function cell(value) {
  if (value === null || value === undefined || (Array.isArray(value) && !value.length)) {
    return el("span", { class: "quiet", "aria-label": "no value" }, "–");
  }
  const content = Array.isArray(value) ? value.map(plain).join(", ") : plain(value);
  return content.length > CLIP ? clipped(content) : text(content);
}

const plain = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

function clipped(content) {
  const shown = text(`${content.slice(0, CLIP).trimEnd()}…`);
  const button = el("button", { type: "button", class: "link", "aria-expanded": "false" }, "more");
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "false";
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "less" : "more";
    shown.textContent = open ? content : `${content.slice(0, CLIP).trimEnd()}…`;
  });
  return el("div", { class: "long" }, shown, " ", button);
}
