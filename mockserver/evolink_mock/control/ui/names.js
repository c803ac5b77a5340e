// The names of the visible rows: one tab stop, whose arrow keys move through all tasks.

import { element } from "./detail.js";
import { ROW } from "./draw.js";

const SHOWN = 8;

/** Buttons in `list` for the scroll position of `box`; pressing one calls `choose(task)`. */
export class Names {
  #list;
  #box;
  #tasks = [];
  #chosen = null;
  #buttons = new Map();
  // The task under the keyboard cursor, and its place, which the next task takes when it disappears.
  #cursor = null;
  #place = 0;
  #pressed = null;

  constructor(list, box, choose) {
    this.#list = list;
    this.#box = box;
    list.addEventListener("focusin", (event) => (this.#cursor = taskOf(event)));
    list.addEventListener("keydown", (event) => this.#key(event));
    // Names move as tasks arrive: a click means the name under the pointer when it went down.
    list.addEventListener("pointerdown", (event) => (this.#pressed = taskOf(event)));
    list.addEventListener("click", (event) => {
      const task = event.detail ? this.#pressed : taskOf(event);
      if (!task) return;
      this.#cursor = task;
      choose(task);
    });
  }

  /** Shows the visible part of `tasks`, and the task under the cursor wherever it is, so that it keeps the focus. */
  render(tasks, chosen) {
    this.#tasks = tasks;
    this.#chosen = chosen;
    this.#find();
    const first = Math.floor(this.#box.scrollTop / ROW), last = first + Math.ceil(this.#box.clientHeight / ROW) + 1;
    const places = tasks.slice(first, last).map((_, at) => first + at);
    if (tasks.length && this.#place < first) places.unshift(this.#place);
    if (tasks.length && this.#place >= last) places.push(this.#place);
    const focused = this.#list.contains(document.activeElement);
    this.#keep(places);
    places.forEach((place) => label(this.#buttons.get(tasks[place].id), tasks[place], place, chosen, this.#cursor));
    if (focused && !this.#list.contains(document.activeElement)) this.focus();
  }

  #find() {
    if (this.#tasks[this.#place]?.id === this.#cursor) return;
    const place = this.#tasks.findIndex((task) => task.id === this.#cursor);
    this.#place = place >= 0 ? place : Math.max(Math.min(this.#place, this.#tasks.length - 1), 0);
    this.#cursor = this.#tasks[this.#place]?.id ?? null;
  }

  // A task keeps its button; buttons that stay are never moved, since moving one loses the focus.
  #keep(places) {
    const wanted = new Set(places.map((place) => this.#tasks[place].id)), spare = [];
    for (const [task, button] of this.#buttons) {
      if (wanted.has(task)) continue;
      this.#buttons.delete(task);
      button.remove();
      spare.push(button);
    }
    let following = this.#list.firstChild;
    for (const place of places) {
      const task = this.#tasks[place].id, kept = this.#buttons.get(task);
      if (kept && kept === following) {
        following = kept.nextSibling;
        continue;
      }
      const button = kept ?? spare.pop() ?? element("button", { type: "button" });
      this.#buttons.set(task, button);
      this.#list.insertBefore(button, following);
    }
  }

  #key(event) {
    const page = Math.max(Math.floor(this.#box.clientHeight / ROW) - 1, 1), end = this.#tasks.length - 1;
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || end < 0 || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#find();
    this.#place = Math.max(Math.min(this.#place + step, end), 0);
    this.#cursor = this.#tasks[this.#place].id;
    this.#show();
    this.render(this.#tasks, this.#chosen);
    this.focus();
  }

  /** Moves the focus to the task under the keyboard cursor. */
  focus() {
    this.#buttons.get(this.#cursor)?.focus({ preventScroll: true });
  }

  // Scrolls the cursor into view.
  #show() {
    const top = this.#place * ROW, lowest = top + ROW - this.#box.clientHeight;
    this.#box.scrollTop = Math.min(Math.max(this.#box.scrollTop, lowest), top);
  }
}

const taskOf = (event) => event.target.closest("button")?.dataset.task;

// Apart by spaces, which a name read aloud needs.
function parts() {
  const end = element("span", { class: "end" }), prompt = element("bdi", { class: "prompt", dir: "auto" });
  return element("span", { class: "label" }, end, " ", prompt, " ", element("span", { class: "status" }));
}

// A row's name: the end of the id, which is the part that differs, the prompt, and for screen readers the status.
function label(button, task, place, chosen, cursor) {
  if (!button.firstChild) button.append(parts());
  const prompt = task.prompt?.trim() || "(no prompt)", status = `${task.status}${task.failure ? ` ${task.failure}` : ""}`;
  [task.id.slice(-SHOWN), prompt, status].forEach((text, at) => {
    const part = button.firstChild.children[at];
    if (part.textContent !== text) part.textContent = text;
  });
  const title = `${task.id}, ${status}\n${prompt}`;
  if (button.title !== title) button.title = title;
  button.dataset.task = task.id;
  button.style.top = `${place * ROW}px`;
  button.style.height = `${ROW}px`;
  button.tabIndex = task.id === cursor ? 0 : -1;
  button.setAttribute("aria-pressed", String(task.id === chosen));
}
