// What the engine answered: documents as a table, buckets as bars, metrics as numbers.
import { count, el, number, plural, shortened, text } from "./dom.js";

const COLUMNS = 8;
const CLIP = 140;

export function result(query, response) {
  const names = Object.keys(response.aggregations);
  const parts = names.map((name) => aggregation(name, response.aggregations[name], { spec: below(query)[name] }));
  if (response.hits.length) parts.push(documents(response));
  if (names.length) return parts;
  if (query.size === 0) return [figure(count(response.total), response.total === 1 ? "document" : "documents")];
  return parts.length ? parts : [el("p", { class: "empty" }, "No document matches.")];
}

function figure(value, label) {
  return el("p", { class: "figure" }, el("strong", {}, number(value)), " ", el("span", {}, text(label)));
}

function documents(response) {
  const { hits, total } = response;
  const rows = hits.map((hit) => ({ _id: hit._id, fields: flat(hit._source ?? {}), hit }));
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.fields)))];
  const columns = names.length ? names : ["_id"];
  const wrapper = el("div", { class: "documents" });
  const draw = (shown) => {
    const extra = columns.length - shown.length;
    wrapper.replaceChildren(
      el("p", { class: "quiet" }, plural(total, "document matches", "documents match"),
        total > hits.length ? `, ${count(hits.length)} shown` : ""),
      table(shown, rows),
      extra > 0 ? el("button", { type: "button", class: "small", onclick: () => draw(columns) },
        `Show ${plural(extra, "more column", "more columns")}`) : "",
    );
  };
  draw(columns.slice(0, COLUMNS));
  return wrapper;
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

// What was asked below a body or an aggregation, by name.
const below = (spec) => spec?.aggs ?? spec?.aggregations ?? {};

// `spec` is what was asked, `most` the count that a full bar stands for, where bars of several groups are compared.
function aggregation(name, agg, { spec, most }) {
  if (agg.buckets !== undefined) return buckets(name, agg, { spec, most });
  if (agg.hits?.hits) return block(name, documents({ hits: agg.hits.hits, total: agg.hits.total?.value ?? agg.hits.hits.length }));
  if (agg.values !== undefined) return block(name, numbers(agg.values));
  if ("value" in agg) return figure(metric(agg), agg.keys?.length ? `${name} · ${agg.keys.join(", ")}` : name);
  const inner = inside(agg);
  if (!inner.length && "doc_count" in agg) return figure(count(agg.doc_count), name);
  if (!inner.length) return block(name, numbers(agg));
  const own = "doc_count" in agg ? [figure(count(agg.doc_count), "documents")] : [numbers(agg)];
  return block(name, ...own, ...inner.map(([key, value]) => aggregation(key, value, { spec: below(spec)[key] })));
}

const block = (name, ...parts) => el("div", { class: "agg" }, el("h3", {}, text(name)), ...parts);

const metric = (agg) => agg.value_as_string ?? agg.value ?? "–";

const isAggregation = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const inside = (agg) => Object.entries(agg).filter(([name, value]) => isAggregation(value) && name !== "meta");

// Of stats: {min: 1, max: 9, min_as_string: "…"}. Of percentiles: {"50.0": 3} or [{key, value}].
function numbers(values) {
  const pairs = Array.isArray(values)
    ? values.map(({ key, value }) => [key, value])
    : Object.entries(values).filter(([name, value]) => !name.endsWith("_as_string") && !isAggregation(value))
      .map(([name, value]) => [name, values[`${name}_as_string`] ?? value]);
  return el("dl", { class: "numbers" },
    pairs.map(([name, value]) => el("div", {}, el("dt", {}, text(name)), el("dd", {}, number(value ?? "–")))));
}

// Buckets of filters without names are called by their query.
function label(bucket, i, spec) {
  const key = bucket.key_as_string ?? bucket.key ?? shortened(spec?.filters?.filters?.[i] ?? "other");
  if (key === "") return "(empty)";
  if (Array.isArray(key)) return key.join(" · ");
  return isAggregation(key) && bucket.key ? Object.values(key).join(" · ") : plain(key);
}

const bucketList = (agg) => (Array.isArray(agg.buckets)
  ? agg.buckets
  : Object.entries(agg.buckets ?? {}).map(([key, bucket]) => ({ key, ...bucket })));

const largest = (list) => Math.max(1, ...list.map((bucket) => bucket.doc_count));

function buckets(name, agg, { spec, most }) {
  const list = bucketList(agg);
  if (!list.length) return block(name, el("p", { class: "empty" }, "No groups."));
  const rest = agg.sum_other_doc_count
    ? [el("p", { class: "quiet" }, `${plural(agg.sum_other_doc_count, "document", "documents")} in other groups`)]
    : [];
  const shared = { spec, most: most ?? largest(list), siblings: list };
  return block(name, el("ul", { class: "bars" }, list.map((bucket, i) => row(bucket, label(bucket, i, spec), shared))), ...rest);
}

function row(bucket, name, { spec, most, siblings }) {
  const bar = el("span", { class: "fill" });
  bar.style.inlineSize = `${(100 * bucket.doc_count) / most}%`;
  const inner = inside(bucket).filter(([key]) => key !== "key");
  const simple = inner.filter(([, agg]) => "value" in agg);
  const nested = inner.filter(([, agg]) => !("value" in agg));
  const shared = (key) => largest(siblings.flatMap((sibling) => bucketList(sibling[key] ?? {})));
  const part = ([key, agg]) => aggregation(key, agg, { spec: below(spec)[key], most: shared(key) });
  return el("li", {},
    el("div", { class: "bucket" },
      el("span", { class: "key" }, text(name)),
      el("span", { class: "track", "aria-hidden": "true" }, bar),
      el("span", { class: "num" }, count(bucket.doc_count)),
      simple.map(([key, agg]) => el("span", { class: "metric" }, text(key), " ", el("b", {}, number(metric(agg)))))),
    nested.length ? el("div", { class: "inner" }, nested.map(part)) : null);
}
