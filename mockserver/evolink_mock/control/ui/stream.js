// Server-sent events read by fetch, so that the key travels in a header; resumed where they broke off.

/** Calls `hear(event, data)` for each message until `signal` aborts; `tell` says how the connection is. */
export async function follow(url, headers, hear, tell, signal) {
  let place = "";
  for (let failures = 0; !signal.aborted; ) {
    try {
      tell(failures ? "Connecting again…" : "Connecting…");
      const more = place ? { "last-event-id": place } : {};
      const answer = await fetch(url, { headers: { ...headers, ...more }, signal, cache: "no-store" });
      if (!answer.ok) {
        const said = await answer.json().catch(() => ({}));
        tell(said.error?.message ?? `The emulator answered ${answer.status}`);
        if (answer.status < 500) return;
        throw new Error(String(answer.status));
      }
      tell("Live");
      failures = 0;
      for await (const message of messages(answer.body)) {
        if (message.id) place = message.id;
        if (message.data) hear(message.event, JSON.parse(message.data));
      }
    } catch (error) {
      if (signal.aborted) return;
    }
    failures += 1;
    tell("Connection lost; connecting again…");
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
    for (const part of parts) yield read(part);
  }
}

function read(part) {
  const found = {};
  for (const line of part.split("\n")) {
    const [name, ...rest] = line.split(": ");
    if (name) found[name] = rest.join(": ");
  }
  return found;
}
