// Requests to the service. Events come over fetch, which unlike EventSource can POST and be cancelled.
const KEY = "nlq-key";

export class Problem extends Error {
  constructor(document, status) {
    super(document.detail ?? document.title ?? "The service gave no reason.");
    this.document = document;
    this.status = status;
  }
}

export const sentence = (error) => (error instanceof Problem
  ? error.message
  : "The service cannot be reached; is it still running?");

// The key is kept until the tab is closed.
export const useKey = (key) => sessionStorage.setItem(KEY, key);

async function request(path, { body, headers, signal } = {}) {
  const key = sessionStorage.getItem(KEY);
  const response = await fetch(path, {
    signal,
    headers: { ...headers, ...(key && { Authorization: `Bearer ${key}` }), ...(body && { "Content-Type": "application/json" }) },
    ...(body && { method: "POST", body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Problem(await response.json().catch(() => ({ title: response.statusText })), response.status);
  return response;
}

export const get = async (path) => (await request(path)).json();

// What the service says to it, null where it says nothing.
export async function send(path, body) {
  const response = await request(path, { body });
  return response.status === 204 ? null : response.json();
}

export const fetchFile = async (path, body) => (await request(path, { body })).blob();

export const pathOf = (index, action) => `/${encodeURIComponent(index)}/${action}`;

// A question, or one that goes on from `previous`; resolves to the answer.
export async function ask(index, { previous, ...question }, { signal, onEvent }) {
  const [action, body] = previous ? ["nlq/refine", { ...question, previous }] : ["nlq", question];
  const response = await request(pathOf(index, action), { body, signal, headers: { Accept: "text/event-stream" } });
  for await (const { name, data } of events(response.body)) {
    if (name === "error") throw new Problem(data, data.status);
    if (name === "answer") return data;
    onEvent(name, data);
  }
  throw new Problem({ detail: "The connection ended before the answer came; ask again." });
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    const blocks = buffer.split("\n\n");
    buffer = blocks.pop();
    for (const block of blocks) {
      const event = parse(block);
      if (event) yield event;
    }
  }
}

function parse(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}
