// A query as one would paste it elsewhere.
import { el } from "./dom.js";

const quoted = (string) => `'${string.replaceAll("'", `'\\''`)}'`;

// JSON as Python writes it.
function python(value, indent = "") {
  const deeper = `${indent}    `;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const [open, close, parts] = Array.isArray(value)
    ? ["[", "]", value.map((item) => python(item, deeper))]
    : ["{", "}", Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${python(item, deeper)}`)];
  const flat = `${open}${parts.join(", ")}${close}`;
  if (flat.length + indent.length <= 80 && !flat.includes("\n")) return flat;
  return `${open}\n${parts.map((part) => `${deeper}${part},\n`).join("")}${indent}${close}`;
}

export function copies(index, query) {
  const path = `${encodeURIComponent(index).replaceAll("%2C", ",")}/_search`;
  const pretty = JSON.stringify(query, null, 2);
  return {
    Console: `POST ${path}\n${pretty}`,
    curl: `curl -s -X POST "$ES_URL/${path}" -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(query))}`,
    Python: [
      "import os",
      "from elasticsearch import Elasticsearch",
      "",
      'client = Elasticsearch(os.environ["ES_URL"])',
      `body = ${python(query)}`,
      `print(client.search(index=${JSON.stringify(index)}, body=body))`,
      "",
    ].join("\n"),
    JSON: pretty,
  };
}

// Buttons that copy what `query` returns when they are pressed; it may throw, then `complain` gets the error.
export function copyButtons(index, query, complain = () => {}) {
  const buttons = Object.keys(copies(index, {})).map((label) => {
    const button = el("button", { type: "button", class: "small", "aria-label": `Copy as ${label}` }, label);
    button.addEventListener("click", async () => {
      try {
        const done = await copy(copies(index, query())[label]);
        button.textContent = done ? "Copied" : "Not copied";
        setTimeout(() => { button.textContent = label; }, 1500);
      } catch (error) {
        complain(error);
      }
    });
    return button;
  });
  return el("div", { class: "row" }, el("span", { class: "quiet" }, "Copy as"), buttons);
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
