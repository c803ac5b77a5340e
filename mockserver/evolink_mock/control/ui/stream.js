// Server-sent events over fetch, so that the key can be sent in a header; resumed after a lost connection.

import { Refused, address, headers } from "./calls.js";

/** Calls `receive(event, data)` for each message until `signal` aborts; `report(text, refusal)` gets the connection's state. */
export async function follow(path, target, receive, report, signal) {
  let cursor = "";
  for (let failures = 0; !signal.aborted; ) {
    try {
      report(failures ? "Connecting again…" : "Connecting…");
      const more = cursor ? { "last-event-id": cursor } : {};
      const response = await fetch(address(path, target), { headers: { ...headers(target), ...more }, signal, cache: "no-store" });
      if (!response.ok) throw await Refused.of(response);
      report("Live");
      failures = 0;
      for await (const message of messages(response.body)) {
        if (message.id) cursor = message.id;
        if (message.data) receive(message.event, JSON.parse(message.data));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status < 500) return report(error.message, error);
    }
    failures += 1;
    report("Connection lost; connecting again…");
    await new Promise((resolve) => setTimeout(resolve, Math.min(250 * 2 ** failures, 5000)));
  }
}

async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) yield parse(part);
  }
}

function parse(part) {
  const found = {};
  for (const line of part.split("\n")) {
    const [name, ...rest] = line.split(": ");
    if (name) found[name] = rest.join(": ");
  }
  return found;
}
