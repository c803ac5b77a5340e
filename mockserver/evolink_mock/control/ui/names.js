// The names of the lanes that are seen, one stop for the keyboard, whose arrows go through all of them.

import { element } from "./detail.js";
import { ROW } from "./draw.js";

/** Buttons in `list`, as `box` is scrolled; `choose(task)` is called with the one that is pressed. */
export class Names {
  #list;
  #box;
  #lanes = [];
  #chosen = null;
  #buttons = new Map();
  // The task that the keyboard is at, and its place, which another task takes when it goes.
  #cursor = null;
  #place = 0;
  #pressed = null;

  constructor(list, box, choose) {
    this.#list = list;
    this.#box = box;
    list.addEventListener("focusin", (event) => (this.#cursor = event.target.dataset.task));
    list.addEventListener("keydown", (event) => this.#key(event));
    // Names move as tasks come: a pointer means the one that it was put down on.
    list.addEventListener("pointerdown", (event) => (this.#pressed = event.target.dataset.task));
    list.addEventListener("click", (event) => {
      const task = event.detail ? this.#pressed : event.target.dataset.task;
      if (!task) return;
      this.#cursor = task;
      choose(task);
    });
  }

  /** Shows what is seen of `lanes`, and the cursor's wherever it is, so that it keeps the focus. */
  render(lanes, chosen) {
    this.#lanes = lanes;
    this.#chosen = chosen;
    this.#find();
    const first = Math.floor(this.#box.scrollTop / ROW), last = first + Math.ceil(this.#box.clientHeight / ROW) + 1;
    const places = lanes.slice(first, last).map((_, at) => first + at);
    if (lanes.length && this.#place < first) places.unshift(this.#place);
    if (lanes.length && this.#place >= last) places.push(this.#place);
    const focused = this.#list.contains(document.activeElement);
    this.#keep(places);
    places.forEach((place) => label(this.#buttons.get(lanes[place].id), lanes[place], place, chosen, this.#cursor));
    if (focused && !this.#list.contains(document.activeElement)) this.#focus();
  }

  #find() {
    if (this.#lanes[this.#place]?.id === this.#cursor) return;
    const place = this.#lanes.findIndex((lane) => lane.id === this.#cursor);
    this.#place = place >= 0 ? place : Math.max(Math.min(this.#place, this.#lanes.length - 1), 0);
    this.#cursor = this.#lanes[this.#place]?.id ?? null;
  }

  // A task keeps its button; those that stay are never moved, since that would cost the focus.
  #keep(places) {
    const wanted = new Set(places.map((place) => this.#lanes[place].id)), spare = [];
    for (const [task, button] of this.#buttons) {
      if (wanted.has(task)) continue;
      this.#buttons.delete(task);
      button.remove();
      spare.push(button);
    }
    let following = this.#list.firstChild;
    for (const place of places) {
      const task = this.#lanes[place].id, kept = this.#buttons.get(task);
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
    const page = Math.max(Math.floor(this.#box.clientHeight / ROW) - 1, 1), end = this.#lanes.length - 1;
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || end < 0 || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#find();
    this.#place = Math.max(Math.min(this.#place + step, end), 0);
    this.#cursor = this.#lanes[this.#place].id;
    this.#show();
    this.render(this.#lanes, this.#chosen);
    this.#focus();
  }

  #focus() {
    this.#buttons.get(this.#cursor)?.focus({ preventScroll: true });
  }

  // Brings the cursor into what is seen of the lanes.
  #show() {
    const top = this.#place * ROW, lowest = top + ROW - this.#box.clientHeight;
    this.#box.scrollTop = Math.min(Math.max(this.#box.scrollTop, lowest), top);
  }
}

function label(button, lane, place, chosen, cursor) {
  const says = `${lane.id} ${lane.status}${lane.failure ? ` ${lane.failure}` : ""}`;
  if (button.textContent !== says) button.textContent = says;
  button.dataset.task = lane.id;
  button.style.top = `${place * ROW}px`;
  button.tabIndex = lane.id === cursor ? 0 : -1;
  button.setAttribute("aria-pressed", String(lane.id === chosen));
}
