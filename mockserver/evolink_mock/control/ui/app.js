// The timeline page: follows the tasks of one world and makes calls of the control API.

import { CALLS, curl, send } from "./calls.js";
import { detail, element } from "./detail.js";
import { ROW, draw } from "./draw.js";
import { Names } from "./names.js";
import { follow } from "./stream.js";

const BASE = `${location.origin}/__mock`;
const $ = (id) => document.getElementById(id);
const tasks = new Map();
const names = new Names($("names"), $("rows"), choose);
const state = {
  key: "", token: "", world: "", clock: null, received: 0, shown: [], stale: false, following: null,
  // The chosen task; whether it is being loaded, has changed meanwhile, or must not be redrawn until a pointer is up.
  chosen: null, loading: false, changed: false, held: false,
};

const headers = () => ({
  authorization: `Bearer ${state.key}`,
  ...(state.token ? { "x-mock-token": state.token } : {}),
});

// The instant of the clock, computed from the last message and the clock's speed.
function now() {
  if (!state.clock) return 0;
  const { mode, speed, now: sent } = state.clock;
  const passed = mode === "real" || mode === "scaled" ? ((performance.now() - state.received) / 1000) * (speed || 1) : 0;
  return sent + passed;
}

function begin() {
  state.following?.abort();
  state.following = new AbortController();
  state.key = $("key").value.trim();
  state.token = $("token").value;
  tasks.clear();
  state.clock = null;
  if (!/^[\x21-\x7e]+$/.test(state.key)) {
    $("connection").textContent = "A key has letters, digits and signs of ASCII, and no spaces";
    return;
  }
  remember(state.key);
  listWorlds();
  follow(`${BASE}/timeline`, headers(), receive, (text) => ($("connection").textContent = text), state.following.signal);
}

function remember(key) {
  const keys = [...new Set([key, ...known()])].slice(0, 20);
  sessionStorage.setItem("keys", JSON.stringify(keys));
  $("keys").replaceChildren(...keys.map((each) => element("option", { value: each })));
}

function receive(event, data) {
  if (event === "begin") {
    tasks.clear();
    state.world = data.key;
    if (state.chosen) refresh();
  }
  if (event === "tasks") for (const task of data) tasks.set(task.id, task);
  if (event === "clock") {
    state.clock = data;
    state.received = performance.now();
  }
  if (event === "tasks" && data.some((task) => task.id === state.chosen)) refresh();
  state.stale = true;
}

function filter() {
  const words = $("search").value.trim().toLowerCase(), status = $("status").value, span = Number($("span").value);
  const since = span ? now() - span : -Infinity;
  state.shown = [...tasks.values()].filter(
    (task) =>
      (!status || task.status === status) &&
      (task.ends === null || task.ends >= since) &&
      (!words || [task.id, task.scenario, task.failure, task.status].some((text) => text?.toLowerCase().includes(words))),
  );
  state.shown.sort((a, b) => b.created - a.created || (a.id < b.id ? -1 : 1));
  $("count").textContent = `${state.shown.length} of ${tasks.size} tasks`;
  $("empty").hidden = tasks.size > 0 || !state.clock;
  $("height").style.height = `${state.shown.length * ROW}px`;
}

function range() {
  const span = Number($("span").value), at = now();
  if (span) return [at - span, at + span * 0.05];
  let from = Infinity, to = at;
  for (const task of state.shown) {
    from = Math.min(from, task.created);
    to = Math.max(to, task.ends ?? 0, ...task.calls.map((call) => Math.max(call.due ?? 0, call.attempts.at(-1)?.finished ?? 0)));
  }
  return [Math.min(from, at), to + Math.max(to - from, 1) * 0.02];
}

function frame() {
  if (state.stale) filter();
  state.stale = false;
  if (state.clock) {
    $("now").textContent = new Date(now() * 1000).toISOString().replace("T", " ").slice(0, 23);
    const next = state.clock.next_event;
    $("mode").textContent = `${state.clock.mode}${next === null ? ", nothing is due" : `, next in ${Math.max(next - now(), 0).toFixed(1)} s`}`;
    names.render(state.shown, state.chosen);
    draw($("canvas"), $("axis"), $("rows"), state.shown, range(), now(), state.chosen);
  }
  requestAnimationFrame(frame);
}

function choose(task) {
  state.chosen = task;
  refresh();
}

// Loads the chosen task: one load at a time, and none while a pointer is down, since redrawing would replace the button under it.
async function refresh() {
  state.changed = true;
  if (state.loading) return;
  state.loading = true;
  while (state.changed && state.chosen && !state.held) {
    state.changed = false;
    const task = state.chosen;
    try {
      const load = (name) => send(CALLS[name]({ task }), BASE, headers());
      const [details, explained, listed, journal] = await Promise.all(["task", "explain", "deliveries", "journal"].map(load));
      if (state.chosen !== task || state.held) continue;
      const found = { task: details, story: explained.story, deliveries: listed.deliveries, journal: journal.rows };
      show(detail(found, BASE, state.token, call));
      link(task);
    } catch (error) {
      if (state.chosen !== task) continue;
      state.chosen = null;
      show([element("p", { role: "alert" }, `${task}: ${error.message}`)]);
    }
  }
  state.loading = false;
}

// The fragment of the address names the task, and its world by the masked key.
function link(task) {
  const wanted = `#${new URLSearchParams({ task, world: state.world })}`;
  if (location.hash !== wanted) history.replaceState(null, "", wanted);
}

function followLink() {
  const linked = new URLSearchParams(location.hash.slice(1)), world = linked.get("world"), task = linked.get("task");
  if (!task || task === state.chosen) return;
  if (world && world !== shownKey(state.key)) {
    const key = known().find((each) => shownKey(each) === world);
    if (!key) {
      show([element("p", { role: "alert" }, `${task} is in the world of ${world}: enter its key above and press Follow`)]);
      return;
    }
    $("key").value = key;
    begin();
  }
  choose(task);
}

const known = () => JSON.parse(sessionStorage.getItem("keys") ?? "[]");
// Masked as in the control API.
const shownKey = (key) => `${key.slice(0, 4)}…${key.slice(4).slice(-3)}`;

// Replaces the details, and keeps the scroll position and the keyboard focus.
function show(parts) {
  const box = $("detail"), place = box.scrollTop;
  const named = (each) => each.getAttribute("aria-label") ?? each.textContent;
  const focused = box.contains(document.activeElement) ? named(document.activeElement) : null;
  box.replaceChildren(...parts);
  box.hidden = false;
  box.scrollTop = place;
  if (focused !== null) [...box.querySelectorAll("button, pre")].find((each) => named(each) === focused)?.focus();
}

// Lists the worlds by their masked keys, which their owners recognise and others cannot use.
async function listWorlds() {
  try {
    const { worlds } = await send(CALLS.worlds(), BASE, headers());
    const shown = worlds.reverse().slice(0, 12).map((world) => `${world.key} (${world.tasks})`);
    $("worlds").textContent = shown.length ? `Worlds and their tasks: ${shown.join(", ")}${worlds.length > 12 ? ", …" : ""}` : "";
  } catch {
    $("worlds").textContent = "";
  }
}

async function call(name, values = {}) {
  const made = CALLS[name](values);
  $("call").textContent = curl(made, BASE, state.token);
  try {
    await send(made, BASE, headers());
    if (state.chosen) refresh();
  } catch (error) {
    $("call").textContent += `\n# ${error.message}`;
  }
}

$("world").addEventListener("submit", (event) => {
  event.preventDefault();
  begin();
  followLink();
});
window.addEventListener("hashchange", followLink);
$("detail").addEventListener("pointerdown", () => (state.held = true));
for (const over of ["pointerup", "pointercancel"]) {
  window.addEventListener(over, () => {
    if (!state.held) return;
    // The click event follows, and belongs to the pressed button.
    setTimeout(() => {
      state.held = false;
      if (state.changed) refresh();
    });
  });
}
for (const id of ["search", "status", "span"]) $(id).addEventListener("input", () => (state.stale = true));
for (const control of document.querySelectorAll("[data-call]")) {
  control.addEventListener(control.tagName === "FORM" ? "submit" : "click", (event) => {
    event.preventDefault();
    call(control.dataset.call, control.tagName === "FORM" ? Object.fromEntries(new FormData(control)) : {});
  });
}
$("first").textContent = [
  `curl -s ${location.origin}/v1/videos/generations -H "Authorization: Bearer $EVOLINK_API_KEY" \\`,
  "  -H 'Content-Type: application/json' -d '{\"model\": \"wan2.6-image-to-video-flash\",",
  "  \"prompt\": \"A cat playing piano\", \"image_urls\": [\"https://example.com/cat.png\"]}'",
].join("\n");
$("key").value = known()[0] ?? "sk-local";
begin();
followLink();
requestAnimationFrame(frame);
