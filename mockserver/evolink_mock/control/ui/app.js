// The timeline page: follows the tasks of one world and makes calls of the control API.

import { CALLS, curl, send } from "./calls.js";
import { element } from "./detail.js";
import { ROW, draw } from "./draw.js";
import { keyOf, knownKeys, rememberKey, rememberWorld } from "./keys.js";
import { Names } from "./names.js";
import { Panel } from "./panel.js";
import { follow } from "./stream.js";
import { WorldButtons } from "./worlds.js";

const $ = (id) => document.getElementById(id);
const tasks = new Map();
const state = {
  target: { base: `${location.origin}/__mock`, key: "", world: "", token: "" },
  // The followed world as the emulator names it; the worlds that there are; the error that ended the stream.
  world: null, worlds: [], refusal: null,
  clock: null, received: 0, shown: [], stale: false, following: null,
};
const names = new Names($("names"), $("rows"), choose);
const panel = new Panel(
  $("detail"), $("content"), [document.querySelector("header"), $("steer"), $("tasks")], () => state.target, call, link,
);
const choices = new WorldButtons($("worlds"), chooseWorld), offers = new WorldButtons($("offers"), chooseWorld);

// The instant of the clock, computed from the last message and the clock's speed.
function now() {
  if (!state.clock) return 0;
  const { mode, speed, now: sent } = state.clock;
  const passed = mode === "real" || mode === "scaled" ? ((performance.now() - state.received) / 1000) * (speed || 1) : 0;
  return sent + passed;
}

// Follows the world of a key, or the one with an id.
function begin({ key = "", world = "" }) {
  state.following?.abort();
  state.following = new AbortController();
  const sendable = /^[\x21-\x7e]*$/.test(key);
  state.target = { ...state.target, key: sendable ? key : "", world, token: $("token").value };
  tasks.clear();
  Object.assign(state, { world: null, clock: null, refusal: null, stale: true });
  panel.close();
  $("key").value = key;
  $("key").placeholder = "";
  if (!sendable) {
    report("A key has letters, digits and punctuation of ASCII, and no spaces", {});
    return;
  }
  if (key) rememberKey(key);
  $("keys").replaceChildren(...knownKeys().map((each) => element("option", { value: each })));
  follow("timeline?worlds=true", state.target, receive, report, state.following.signal);
}

function receive(event, data) {
  if (event === "begin") {
    tasks.clear();
    state.world = data;
    if (state.target.key) rememberWorld(data.world, state.target.key);
    else $("key").placeholder = data.key;
    link(panel.task);
  }
  if (event === "tasks") for (const task of data) tasks.set(task.id, task);
  if (event === "worlds") state.worlds = data.reverse();
  if (event === "clock") {
    state.clock = data;
    state.received = performance.now();
  }
  if (event === "begin" || (event === "tasks" && data.some((task) => task.id === panel.task))) panel.refresh();
  state.stale = true;
}

// Shows the state of the connection; an error response ends it.
function report(text, refusal = null) {
  $("connection").textContent = text;
  state.refusal = refusal && text;
  if (["token_required", "cross_origin"].includes(refusal?.code)) {
    $("beyond").hidden = false;
    if (!state.target.token) state.refusal += ". Enter the control token that the emulator printed when it started.";
  }
  if (refusal) listWorlds();
  state.stale = true;
}

// A stream lists the worlds; where there is none, a call does.
async function listWorlds() {
  try {
    const { worlds } = await send(CALLS.worlds(), state.target);
    state.worlds = worlds.reverse();
  } catch {
    state.worlds = [];
  }
  state.stale = true;
}

function filter() {
  const words = $("search").value.trim().toLowerCase(), status = $("status").value, span = Number($("span").value);
  const since = span ? now() - span : -Infinity;
  state.shown = [...tasks.values()].filter(
    (task) =>
      (!status || task.status === status) &&
      (task.ends === null || task.ends >= since) &&
      (!words || [task.id, task.prompt, task.scenario, task.failure, task.status].some((text) => text?.toLowerCase().includes(words))),
  );
  state.shown.sort((a, b) => b.created - a.created || (a.id < b.id ? -1 : 1));
  $("count").textContent = `${state.shown.length} of ${tasks.size} tasks`;
  $("height").style.height = `${state.shown.length * ROW}px`;
  showWorlds();
}

// The worlds with tasks are always offered; where this one has none, or cannot be followed, beside the reason.
function showWorlds() {
  const current = state.world?.world, empty = state.refusal !== null || (state.clock !== null && tasks.size === 0);
  const busy = state.worlds.filter((each) => each.tasks > 0);
  choices.render(state.worlds.filter((each) => each.tasks > 0 || each.world === current), current);
  for (const id of ["rows", "axis"]) $(id).hidden = empty;
  $("empty").hidden = !empty;
  if (!empty) return;
  offers.render(busy.filter((each) => each.world !== current), current);
  $("others").hidden = $("offers").hidden;
  $("first").hidden = state.refusal !== null;
  $("empty-title").textContent = state.refusal === null ? "No task yet" : "Not connected";
  $("empty-text").textContent = state.refusal ?? "Create one, and it appears here:";
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
    $("mode").textContent = `${state.clock.mode}${next === null ? ", nothing is due" : `, next event in ${Math.max(next - now(), 0).toFixed(1)} s`}`;
    names.render(state.shown, panel.task);
    draw($("canvas"), $("axis"), $("rows"), state.shown, range(), now(), panel.task);
  }
  requestAnimationFrame(frame);
}

function choose(task) {
  // An entry of the history, so that Back leads back to the tasks.
  if (panel.task === null) history.pushState({ opened: true }, "", fragment(task));
  panel.open(task);
}

function chooseWorld(world) {
  const key = keyOf(world);
  history.replaceState(null, "", fragment(null, world));
  begin(key ? { key } : { world });
}

// The fragment of the address names the task and its world.
function fragment(task, world = state.world?.world ?? linked().world) {
  const named = new URLSearchParams({ ...(task ? { task } : {}), ...(world ? { world } : {}) });
  return named.size ? `#${named}` : location.pathname;
}

function link(task) {
  const wanted = fragment(task);
  if (wanted !== (location.hash || location.pathname)) history.replaceState(history.state, "", wanted);
}

const linked = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

function followLink() {
  const { task, world } = linked();
  const key = keyOf(world);
  if (world && world !== state.world?.world && world !== state.target.world && key !== state.target.key) {
    begin(key ? { key } : { world });
  }
  if (!task) leave();
  else if (task !== panel.task) panel.open(task);
}

// Closes the panel; the focus returns to the row of its task where the panel had covered it.
function leave() {
  const covered = panel.covers;
  panel.close();
  link(null);
  if (covered) names.focus();
}

function back() {
  if (history.state?.opened) history.back();
  else leave();
}

async function call(name, values = {}) {
  const made = CALLS[name](values);
  $("call").textContent = curl(made, state.target);
  try {
    await send(made, state.target);
    panel.refresh();
  } catch (error) {
    $("call").textContent += `\n# ${error.message}`;
  }
}

function confirmReset() {
  const about = state.world ? `The world of ${state.world.key} loses` : "This world loses";
  const count = tasks.size === 1 ? "1 task" : `${tasks.size} tasks`;
  $("consequence").textContent = `${about} its ${count}, callbacks, journal and queued scenarios; its credits and its clock start anew. Other worlds are unaffected.`;
  $("confirm").showModal();
}

$("world").addEventListener("submit", (event) => {
  event.preventDefault();
  const { task, world } = linked(), key = $("key").value.trim();
  begin({ key });
  // A link to a task of a world that is not known yet may be of this key.
  if (task && world && !keyOf(world)) panel.open(task);
});
for (const moved of ["hashchange", "popstate"]) window.addEventListener(moved, followLink);
window.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panel.covers) back();
});
$("back").addEventListener("click", back);
for (const id of ["search", "status", "span"]) $(id).addEventListener("input", () => (state.stale = true));
for (const control of document.querySelectorAll("[data-call]")) {
  control.addEventListener(control.tagName === "FORM" ? "submit" : "click", (event) => {
    event.preventDefault();
    call(control.dataset.call, control.tagName === "FORM" ? Object.fromEntries(new FormData(control)) : {});
  });
}
$("reset").addEventListener("click", confirmReset);
$("no").addEventListener("click", () => $("confirm").close());
$("yes").addEventListener("click", () => {
  $("confirm").close();
  call("reset");
});
$("first").textContent = [
  `curl -s ${location.origin}/v1/videos/generations -H "Authorization: Bearer $EVOLINK_API_KEY" \\`,
  "  -H 'Content-Type: application/json' -d '{\"model\": \"wan2.6-image-to-video-flash\",",
  "  \"prompt\": \"A cat playing piano\", \"image_urls\": [\"https://example.com/cat.png\"]}'",
].join("\n");
if (!linked().world) begin({ key: knownKeys()[0] ?? "sk-local" });
followLink();
requestAnimationFrame(frame);
