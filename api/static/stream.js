// Server-sent events over fetch, which unlike EventSource can POST and be cancelled.

export class Problem extends Error {
  constructor(document) {
    super(document.detail ?? document.title ?? "The service gave no reason.");
    this.document = document;
  }
}

export async function ask(index, request, { signal, onEvent }) {
  const response = await fetch(`/${encodeURIComponent(index)}/nlq`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(request),
    signal,
  });
  if (!response.ok) throw new Problem(await response.json().catch(() => ({ title: response.statusText })));
  for await (const { name, data } of events(response.body)) {
    if (name === "error") throw new Problem(data);
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

export async function get(path) {
  const response = await fetch(path);
  const body = await response.json().catch(() => ({ title: response.statusText }));
  if (!response.ok) throw new Problem(body);
  return body;
}

export async function send(path, request) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw new Problem(await response.json().catch(() => ({ title: response.statusText })));
}
