// Aggregations: metrics as numbers, groups as a table, groups of groups as bars.
import { count, el, number, plural, shortened, text } from "./dom.js";

export function figure(value, label) {
  return el("p", { class: "figure" }, el("strong", {}, number(value)), " ", el("span", {}, text(label)));
}

// What was asked below a body or an aggregation, by name.
export const below = (spec) => spec?.aggs ?? spec?.aggregations ?? {};

// `spec` is what was asked; `most` the count that a full bar stands for, where bars of several groups are compared;
// `documents` shows hits.
export function aggregation(name, agg, { spec, most, documents }) {
  if (agg.buckets !== undefined) return buckets(name, agg, { spec, most, documents });
  if (agg.hits?.hits) return block(name, documents({ hits: agg.hits.hits, total: agg.hits.total?.value ?? agg.hits.hits.length }));
  if (agg.values !== undefined) return block(name, numbers(agg.values));
  if ("value" in agg) return figure(metric(agg), agg.keys?.length ? `${name} · ${agg.keys.join(", ")}` : name);
  const inner = inside(agg);
  if (!inner.length && "doc_count" in agg) return figure(count(agg.doc_count), name);
  if (!inner.length) return block(name, numbers(agg));
  const own = "doc_count" in agg ? [figure(count(agg.doc_count), "documents")] : [numbers(agg)];
  return block(name, ...own, ...inner.map(([key, value]) => aggregation(key, value, { spec: below(spec)[key], documents })));
}

const block = (name, ...parts) => el("div", { class: "agg" }, el("h3", {}, text(name)), ...parts);

const metric = (agg) => agg.value_as_string ?? agg.value ?? "–";

const isAggregation = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const inside = (agg) => Object.entries(agg).filter(([name, value]) => isAggregation(value) && name !== "meta" && name !== "key");

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
  if (isAggregation(key)) return bucket.key ? Object.values(key).join(" · ") : JSON.stringify(key);
  return String(key);
}

const bucketList = (agg) => (Array.isArray(agg.buckets)
  ? agg.buckets
  : Object.entries(agg.buckets ?? {}).map(([key, bucket]) => ({ key, ...bucket })));

const largest = (list) => Math.max(1, ...list.map((bucket) => bucket.doc_count));

function buckets(name, agg, { spec, most, documents }) {
  const list = bucketList(agg);
  if (!list.length) return block(name, el("p", { class: "empty" }, "No groups."));
  const rest = agg.sum_other_doc_count
    ? [el("p", { class: "quiet" }, `${plural(agg.sum_other_doc_count, "document", "documents")} in other groups`)]
    : [];
  const shared = { spec, most: most ?? largest(list), siblings: list, documents };
  const labels = list.map((bucket, i) => label(bucket, i, spec));
  const flat = most === undefined && list.every((bucket) => inside(bucket).every(([, inner]) => "value" in inner));
  const shown = flat ? grid(list, labels, shared) : el("ul", { class: "bars" }, list.map((bucket, i) => row(bucket, labels[i], shared)));
  return block(name, shown, ...rest);
}

function fill(bucket, most) {
  const bar = el("span", { class: "fill" });
  bar.style.inlineSize = `${(100 * bucket.doc_count) / most}%`;
  return el("span", { class: "track", "aria-hidden": "true" }, bar);
}

function grid(list, labels, { spec, most }) {
  const names = [...new Set(list.flatMap((bucket) => inside(bucket).map(([key]) => key)))];
  const heads = [text(Object.values(spec ?? {}).find((part) => typeof part?.field === "string")?.field ?? "group"), "documents", ...names.map(text)];
  const head = el("tr", {}, heads.map((title, i) => el("th", { scope: "col", class: i ? "num" : "" }, title)), el("td", { class: "share" }));
  const rows = list.map((bucket, i) => el("tr", {},
    el("th", { scope: "row", class: "key" }, text(labels[i])),
    el("td", { class: "num" }, count(bucket.doc_count)),
    names.map((key) => el("td", { class: "num" }, key in bucket ? number(metric(bucket[key])) : "–")),
    el("td", { class: "share" }, fill(bucket, most))));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Groups" },
    el("table", { class: "groups" }, el("thead", {}, head), el("tbody", {}, rows)));
}

function row(bucket, name, { spec, most, siblings, documents }) {
  const inner = inside(bucket);
  const simple = inner.filter(([, agg]) => "value" in agg);
  const nested = inner.filter(([, agg]) => !("value" in agg));
  const shared = (key) => largest(siblings.flatMap((sibling) => bucketList(sibling[key] ?? {})));
  const part = ([key, agg]) => aggregation(key, agg, { spec: below(spec)[key], most: shared(key), documents });
  return el("li", {},
    el("div", { class: "bucket" },
      el("span", { class: "key" }, text(name)),
      fill(bucket, most),
      el("span", { class: "num" }, count(bucket.doc_count)),
      simple.map(([key, agg]) => el("span", { class: "metric" }, text(key), " ", el("b", {}, number(metric(agg)))))),
    nested.length ? el("div", { class: "inner" }, nested.map(part)) : null);
}
