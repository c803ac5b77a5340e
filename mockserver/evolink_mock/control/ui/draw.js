// Rows of tasks on one canvas: only the visible ones are drawn, however many there are.

import { labelOf, ticks } from "./axis.js";

export const ROW = matchMedia("(max-width: 50rem)").matches ? 36 : 24;
// As wide as in the style sheet.
const NAMES = 272;
const AXIS = 18;
// The opacity of a bar that is planned and not reached yet.
const PLANNED = 0.3;
const LABEL = 56;

/** Draws the visible rows on a canvas as large as its box, and their axis; `range` is [from, to] in seconds. */
export function draw(canvas, axis, box, tasks, range, now, chosen) {
  const wide = box.clientWidth, high = box.clientHeight;
  const pen = clear(canvas, wide, high);
  const colour = colours();
  const left = Math.min(NAMES, wide * 0.45) + 8, right = wide - 8;
  const scale = (right - left) / Math.max(range[1] - range[0], 0.001);
  const x = (at) => left + (Math.min(Math.max(at, range[0]), range[1]) - range[0]) * scale;
  const inside = (at) => at >= range[0] && at <= range[1];
  const marks = ticks(range, right - left);
  for (const at of marks.at) {
    pen.fillStyle = colour("line");
    pen.fillRect(x(at), 0, 1, high);
  }
  label(clear(axis, wide, AXIS), marks, x, wide - LABEL / 2, colour);
  const first = Math.floor(box.scrollTop / ROW), last = Math.min(tasks.length, first + Math.ceil(high / ROW) + 1);
  for (let place = first; place < last; place += 1) {
    const task = tasks[place], top = place * ROW - box.scrollTop, middle = top + ROW / 2;
    if (task.id === chosen) {
      pen.fillStyle = colour("raised");
      pen.fillRect(left, top, right - left, ROW);
    }
    const ends = task.ends ?? range[1], starts = task.starts ?? ends;
    const reached = task.ended ? ends : now;
    for (const [from, to, name] of [[task.created, Math.min(starts, ends), "pending"], [starts, ends, "processing"]]) {
      bar(pen, x(from), x(Math.min(to, reached)), middle, colour(name), 1);
      bar(pen, x(Math.max(from, reached)), x(to), middle, colour(name), PLANNED);
    }
    if (task.ended && inside(ends)) {
      pen.fillStyle = colour(task.status === "completed" ? "completed" : task.status === "cancelled" ? "cancelled" : "failed");
      pen.fillRect(x(ends) - 2, top + 3, 5, ROW - 6);
    }
    pen.fillStyle = colour("ink");
    for (const at of task.reads) if (inside(at)) pen.fillRect(x(at), top + 2, 1, 6);
    for (const call of task.calls) attempts(pen, call, x, inside, middle, colour);
  }
  if (inside(now)) {
    pen.fillStyle = colour("accent");
    pen.fillRect(x(now), 0, 1, high);
  }
}

// Clears a canvas and gives it that size in CSS pixels, at any zoom.
function clear(canvas, wide, high) {
  const ratio = window.devicePixelRatio || 1;
  const across = Math.round(wide * ratio), down = Math.round(high * ratio);
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
    canvas.style.width = `${wide}px`;
    canvas.style.height = `${high}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, wide, high);
  return pen;
}

// The colours of the current colour scheme, each looked up once.
function colours() {
  const style = getComputedStyle(document.documentElement), known = {};
  return (name) => (known[name] ??= style.getPropertyValue(`--${name}`));
}

// Labels are centred on their instants; one that the edge would cut is left out.
function label(pen, marks, x, end, colour) {
  pen.fillStyle = colour("soft");
  pen.font = "11px ui-monospace, monospace";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const at of marks.at) if (x(at) <= end) pen.fillText(labelOf(at, marks.step), x(at), AXIS / 2);
}

function bar(pen, from, to, middle, colour, strength) {
  if (to <= from) return;
  pen.globalAlpha = strength;
  pen.fillStyle = colour;
  pen.fillRect(from, middle - 4, Math.max(to - from, 1), 8);
  pen.globalAlpha = 1;
}

// Each attempt is a dot; the wait between two attempts is a line.
function attempts(pen, call, x, inside, middle, colour) {
  let before = null;
  for (const attempt of call.attempts) {
    if (before !== null) wait(pen, x(before), x(attempt.started), middle, colour("wait"));
    before = attempt.finished;
    if (!inside(attempt.started)) continue;
    const good = attempt.status >= 200 && attempt.status < 300;
    pen.fillStyle = colour(good ? "completed" : "failed");
    pen.beginPath();
    pen.arc(x(attempt.started), middle, 5, 0, 2 * Math.PI);
    pen.fill();
  }
  if (call.due !== null && before !== null) wait(pen, x(before), x(call.due), middle, colour("wait"));
}

function wait(pen, from, to, middle, colour) {
  pen.fillStyle = colour;
  pen.fillRect(from, middle - 1, Math.max(to - from, 1), 2);
}
