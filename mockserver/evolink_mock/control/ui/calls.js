// The calls of the control API that the page makes: as data, as curl and as a request.
// A target says where they go: `{ base, key, world, token }`. Without a key, the world is named by its id.

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

/** The address of a path, with the id of the target's world where there is no key. */
export function address(path, target) {
  const named = target.key || !target.world || path.includes("all=true") ? "" : `world=${target.world}`;
  return `${target.base}/${path}${named && (path.includes("?") ? "&" : "?")}${named}`;
}

/** The headers that a target's calls need. */
export const headers = (target) => ({
  ...(target.key ? { authorization: `Bearer ${target.key}` } : {}),
  ...(target.token ? { "x-mock-token": target.token } : {}),
});

/** A call as a shell command; the key stays in a variable. */
export function curl(call, target) {
  const words = ["curl -s", ...(call.method === "POST" && !call.body ? ["-X POST"] : []), quoted(address(call.path, target))];
  if (target.key) words.push('-H "Authorization: Bearer $EVOLINK_API_KEY"');
  if (target.token) words.push('-H "X-Mock-Token: $EVOLINK_MOCK_CONTROL_TOKEN"');
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

/** An error response of the emulator: its message, code and status. */
export class Refused extends Error {
  constructor(status, error) {
    super(error?.message ?? `The emulator answered ${status}`);
    this.status = status;
    this.code = error?.code ?? null;
  }

  static async of(response) {
    const body = await response.json().catch(() => ({}));
    return new Refused(response.status, body.error);
  }
}

/** Makes a call; the decoded response. Throws `Refused` for an error response. */
export async function send(call, target) {
  const response = await fetch(address(call.path, target), {
    method: call.method,
    headers: headers(target),
    body: call.body ? JSON.stringify(call.body) : undefined,
  });
  if (!response.ok) throw await Refused.of(response);
  return response.json();
}
