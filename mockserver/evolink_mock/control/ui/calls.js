// What the page can do: each is one call of the control API, as data, as curl and as a request.

export const CALLS = {
  pause: () => ({ method: "POST", path: "clock", body: { mode: "manual" } }),
  run: () => ({ method: "POST", path: "clock", body: { mode: "real" } }),
  advance: (given) => ({ method: "POST", path: "clock", body: { advance: given.advance } }),
  next: () => ({ method: "POST", path: "clock", body: { until: "next-event" } }),
  queue: (given) => ({ method: "POST", path: "scenarios", body: { scenario: given.scenario } }),
  reset: () => ({ method: "POST", path: "worlds", body: { reset: true } }),
  cancel: (given) => ({ method: "POST", path: `tasks/${encodeURIComponent(given.task)}/cancel` }),
  replay: (given) => ({ method: "POST", path: `deliveries/${encodeURIComponent(given.number)}/replay` }),
  task: (given) => ({ method: "GET", path: `tasks/${encodeURIComponent(given.task)}` }),
  story: (given) => ({ method: "GET", path: `tasks/${encodeURIComponent(given.task)}/explain` }),
  deliveries: (given) => ({ method: "GET", path: `deliveries?task=${encodeURIComponent(given.task)}` }),
  worlds: () => ({ method: "GET", path: "worlds?all=true" }),
  journal: (given) => ({ method: "GET", path: `journal?task=${encodeURIComponent(given.task)}&limit=1000` }),
};

const quoted = (text) => `'${text.replaceAll("'", `'"'"'`)}'`;

/** A call as a line for a shell; the key stays in a variable. */
export function curl(call, base, token) {
  const words = ["curl -s", ...(call.method === "POST" && !call.body ? ["-X POST"] : []), quoted(`${base}/${call.path}`)];
  words.push('-H "Authorization: Bearer $EVOLINK_API_KEY"');
  if (token) words.push('-H "X-Mock-Token: $EVOLINK_MOCK_CONTROL_TOKEN"');
  if (call.body) words.push(`-d ${quoted(JSON.stringify(call.body))}`);
  return words.join(" ");
}

/** The create of a task as a line for a shell, with the scenario that came with the request itself. */
export function repeat(task, origin) {
  const words = ["curl -s", quoted(`${origin}/v1/videos/generations`), '-H "Authorization: Bearer $EVOLINK_API_KEY"'];
  if (["header", "prompt"].includes(task.scenario_source)) words.push(`-H ${quoted(`X-Mock-Scenario: ${task.scenario}`)}`);
  words.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(task.request))}`);
  return words.join(" ");
}

/** Carries a call out; the answer decoded. Throws what the emulator says against it. */
export async function carryOut(call, base, headers) {
  const answer = await fetch(`${base}/${call.path}`, {
    method: call.method,
    headers,
    body: call.body ? JSON.stringify(call.body) : undefined,
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error?.message ?? `The emulator answered ${answer.status}`);
  return said;
}
