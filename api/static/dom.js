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

const quoted = (string) => `'${string.replaceAll("'", `'\\''`)}'`;

// The query for reading: of the vector that a knn clause holds, the first numbers only.
export function shortened(query) {
  return JSON.parse(JSON.stringify(query, function shorten(key, value) {
    const vector = key === "query_vector" && "field" in this && Array.isArray(value) && value.length > 8;
    return vector ? [...value.slice(0, 2), `… ${count(value.length - 2)} more`] : value;
  }));
}

export function copies(index, query) {
  const path = `${encodeURIComponent(index).replaceAll("%2C", ",")}/_search`;
  const pretty = JSON.stringify(query, null, 2);
  const compact = JSON.stringify(query);
  return {
    JSON: pretty,
    curl: `curl -s -X POST "$ES_URL/${path}" -H 'Content-Type: application/json' -d ${quoted(compact)}`,
    Console: `POST ${path}\n${pretty}`,
  };
}

export function copyButton(label, content) {
  const button = el("button", { type: "button", class: "small", "aria-label": `Copy as ${label}` }, label);
  button.addEventListener("click", async () => {
    const done = await copy(content);
    button.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

async function copy(content) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(content);
      return true;
    } catch {
      return false;
    }
  }
  // Without https only the old command is there.
  const area = el("textarea", { class: "hidden" });
  area.value = content;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
