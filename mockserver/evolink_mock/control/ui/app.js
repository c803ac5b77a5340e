// The page: follows one world, keeps its lanes, and steers it by calls of the control API.

import { CALLS, carryOut, curl } from "./calls.js";
import { detail, element } from "./detail.js";
import { ROW, draw } from "./draw.js";
import { Names } from "./names.js";
import { follow } from "./stream.js";

const BASE = `${location.origin}/__mock`;
const $ = (id) => document.getElementById(id);
const lanes = new Map();
const names = new Names($("names"), $("lanes"), choose);
const state = {
  key: "", token: "", world: "", clock: null, heard: 0, shown: [], stale: false, following: null,
  // The chosen task; whether it is being asked for, has changed meanwhile, or waits until a pointer is up.
  chosen: null, asking: false, changed: false, held: false,
};

const headers = () => ({
  authorization: `Bearer ${state.key}`,
  ...(state.token ? { "x-mock-token": state.token } : {}),
});

// The clock between two messages goes on as fast as it runs.
function now() {
  if (!state.clock) return 0;
  const { mode, speed, now: told } = state.clock;
  const passed = mode === "real" || mode === "scaled" ? ((performance.now() - state.heard) / 1000) * (speed || 1) : 0;
  return told + passed;
}

function begin() {
  state.following?.abort();
  state.following = new AbortController();
  state.key = $("key").value.trim();
  state.token = $("token").value;
  lanes.clear();
  state.clock = null;
  if (!/^[\x21-\x7e]+$/.test(state.key)) {
    $("connection").textContent = "A key has letters, digits and signs of ASCII, and no spaces";
    return;
  }
  remember(state.key);
  listWorlds();
  follow(`${BASE}/timeline`, headers(), hear, (says) => ($("connection").textContent = says), state.following.signal);
}

function remember(key) {
  const keys = [...new Set([key, ...known()])].slice(0, 20);
  sessionStorage.setItem("keys", JSON.stringify(keys));
  $("keys").replaceChildren(...keys.map((each) => element("option", { value: each })));
}

function hear(event, data) {
  if (event === "begin") {
    lanes.clear();
    state.world = data.key;
    if (state.chosen) refresh();
  }
  if (event === "lanes") for (const lane of data) lanes.set(lane.id, lane);
  if (event === "clock") {
    state.clock = data;
    state.heard = performance.now();
  }
  if (event === "lanes" && data.some((lane) => lane.id === state.chosen)) refresh();
  state.stale = true;
}

function sift() {
  const words = $("search").value.trim().toLowerCase(), status = $("status").value, span = Number($("span").value);
  const since = span ? now() - span : -Infinity;
  state.shown = [...lanes.values()].filter(
    (lane) =>
      (!status || lane.status === status) &&
      (lane.ends === null || lane.ends >= since) &&
      (!words || [lane.id, lane.scenario, lane.failure, lane.status].some((text) => text?.toLowerCase().includes(words))),
  );
  state.shown.sort((a, b) => b.created - a.created || (a.id < b.id ? -1 : 1));
  $("count").textContent = `${state.shown.length} of ${lanes.size} tasks`;
  $("empty").hidden = lanes.size > 0 || !state.clock;
  $("height").style.height = `${state.shown.length * ROW}px`;
}

function range() {
  const span = Number($("span").value), at = now();
  if (span) return [at - span, at + span * 0.05];
  let from = Infinity, to = at;
  for (const lane of state.shown) {
    from = Math.min(from, lane.created);
    to = Math.max(to, lane.ends ?? 0, ...lane.calls.map((call) => Math.max(call.due ?? 0, call.attempts.at(-1)?.finished ?? 0)));
  }
  return [Math.min(from, at), to + Math.max(to - from, 1) * 0.02];
}

function frame() {
  if (state.stale) sift();
  state.stale = false;
  if (state.clock) {
    $("now").textContent = new Date(now() * 1000).toISOString().replace("T", " ").slice(0, 23);
    const next = state.clock.next_event;
    $("mode").textContent = `${state.clock.mode}${next === null ? ", nothing is due" : `, next in ${Math.max(next - now(), 0).toFixed(1)} s`}`;
    names.render(state.shown, state.chosen);
    draw($("canvas"), $("axis"), $("lanes"), state.shown, range(), now(), state.chosen);
  }
  requestAnimationFrame(frame);
}

function choose(task) {
  state.chosen = task;
  refresh();
}

// One at a time, and not while somebody presses a button that would be another one then.
async function refresh() {
  state.changed = true;
  if (state.asking) return;
  state.asking = true;
  while (state.changed && state.chosen && !state.held) {
    state.changed = false;
    const task = state.chosen;
    try {
      const ask = (name) => carryOut(CALLS[name]({ task }), BASE, headers());
      const [whole, story, called, read] = await Promise.all(["task", "story", "deliveries", "journal"].map(ask));
      if (state.chosen !== task || state.held) continue;
      const found = { task: whole, story: story.story, deliveries: called.deliveries, journal: read.rows };
      show(detail(found, BASE, state.token, act));
      link(task);
    } catch (error) {
      if (state.chosen !== task) continue;
      state.chosen = null;
      show([element("p", { role: "alert" }, `${task}: ${error.message}`)]);
    }
  }
  state.asking = false;
}

// The address leads to the task, and says whose world it is in by what is shown of the key.
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
// As the control API shows it.
const shownKey = (key) => (key.length >= 12 ? `${key.slice(0, 3)}…${key.slice(-2)}` : "…");

// What is shown anew keeps its place, and the focus of whoever goes by keyboard.
function show(parts) {
  const box = $("detail"), place = box.scrollTop;
  const named = (each) => each.getAttribute("aria-label") ?? each.textContent;
  const focused = box.contains(document.activeElement) ? named(document.activeElement) : null;
  box.replaceChildren(...parts);
  box.hidden = false;
  box.scrollTop = place;
  if (focused !== null) [...box.querySelectorAll("button, pre")].find((each) => named(each) === focused)?.focus();
}

// Whose worlds there are: keys are shown as their owners know them, and nobody else can use them.
async function listWorlds() {
  try {
    const { worlds } = await carryOut(CALLS.worlds(), BASE, headers());
    const shown = worlds.reverse().slice(0, 12).map((world) => `${world.key} (${world.tasks})`);
    $("worlds").textContent = shown.length ? `Worlds and their tasks: ${shown.join(", ")}${worlds.length > 12 ? ", …" : ""}` : "";
  } catch {
    $("worlds").textContent = "";
  }
}

async function act(name, given = {}) {
  const call = CALLS[name](given);
  $("call").textContent = curl(call, BASE, state.token);
  try {
    await carryOut(call, BASE, headers());
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
    // The click comes after this, and is meant for what was pressed.
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
    act(control.dataset.call, control.tagName === "FORM" ? Object.fromEntries(new FormData(control)) : {});
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
