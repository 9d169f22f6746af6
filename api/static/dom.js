// Elements are built from text only: nothing that comes from data is ever parsed as markup.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const text = (value) => el("bdi", { dir: "auto" }, String(value));

// A metric may be a year: four digits stay together. A count has its thousands apart.
const metrics = new Intl.NumberFormat(undefined, { useGrouping: "min2", maximumFractionDigits: 3 });
const counts = new Intl.NumberFormat();
export const number = (value) => {
  if (typeof value === "number") return metrics.format(value);
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
};
export const count = (value) => counts.format(value);

export const plural = (many, one, other) => `${count(many)} ${many === 1 ? one : other}`;

// The query for reading: of the vector that a knn clause holds, the first numbers only.
export function shortened(query) {
  return JSON.parse(JSON.stringify(query, function shorten(key, value) {
    const vector = key === "query_vector" && "field" in this && Array.isArray(value) && value.length > 8;
    return vector ? [...value.slice(0, 2), `… ${count(value.length - 2)} more`] : value;
  }));
}

// The query to be edited: of a vector the text that it was made of, nothing that the service adds by itself.
export function editable(query) {
  const { track_total_hits: _, ...rest } = query;
  return JSON.parse(JSON.stringify(rest, (key, value) => {
    if (!Array.isArray(value?.query_vector) || typeof value._name !== "string") return value;
    const { _name: words, ...clause } = value;
    return { ...clause, query_vector: words };
  }));
}
