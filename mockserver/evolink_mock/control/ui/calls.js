// The calls of the control API that the page makes: as data, as curl and as a request.

export const CALLS = {
  pause: () => ({ method: "POST", path: "clock", body: { mode: "manual" } }),
  run: () => ({ method: "POST", path: "clock", body: { mode: "real" } }),
  advance: (values) => ({ method: "POST", path: "clock", body: { advance: values.advance } }),
  next: () => ({ method: "POST", path: "clock", body: { until: "next-event" } }),
  queue: (values) => ({ method: "POST", path: "scenarios", body: { scenario: values.scenario } }),
  reset: () => ({ method: "POST", path: "worlds", body: { reset: true } }),
  cancel: (values) => ({ method: "POST", path: `tasks/${encodeURIComponent(values.task)}/cancel` }),
  replay: (values) => ({ method: "POST", path: `deliveries/${encodeURIComponent(values.number)}/replay` }),
  task: (values) => ({ method: "GET", path: `tasks/${encodeURIComponent(values.task)}` }),
  explain: (values) => ({ method: "GET", path: `tasks/${encodeURIComponent(values.task)}/explain` }),
  deliveries: (values) => ({ method: "GET", path: `deliveries?task=${encodeURIComponent(values.task)}` }),
  worlds: () => ({ method: "GET", path: "worlds?all=true" }),
  journal: (values) => ({ method: "GET", path: `journal?task=${encodeURIComponent(values.task)}&limit=1000` }),
};

const quoted = (text) => `'${text.replaceAll("'", `'"'"'`)}'`;

/** A call as a shell command; the key stays in a variable. */
export function curl(call, base, token) {
  const words = ["curl -s", ...(call.method === "POST" && !call.body ? ["-X POST"] : []), quoted(`${base}/${call.path}`)];
  words.push('-H "Authorization: Bearer $EVOLINK_API_KEY"');
  if (token) words.push('-H "X-Mock-Token: $EVOLINK_MOCK_CONTROL_TOKEN"');
  if (call.body) words.push(`-d ${quoted(JSON.stringify(call.body))}`);
  return words.join(" ");
}

/** The create request of a task as a shell command, with the scenario of its header or prompt. */
export function repeat(task, origin) {
  const words = ["curl -s", quoted(`${origin}/v1/videos/generations`), '-H "Authorization: Bearer $EVOLINK_API_KEY"'];
  if (["header", "prompt"].includes(task.scenario_source)) words.push(`-H ${quoted(`X-Mock-Scenario: ${task.scenario}`)}`);
  words.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(task.request))}`);
  return words.join(" ");
}

/** Makes a call; the decoded response. Throws an error with the emulator's message. */
export async function send(call, base, headers) {
  const response = await fetch(`${base}/${call.path}`, {
    method: call.method,
    headers,
    body: call.body ? JSON.stringify(call.body) : undefined,
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error?.message ?? `The emulator answered ${response.status}`);
  return body;
}
