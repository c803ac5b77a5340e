// Worlds to choose from: one button for each, with the masked key and the number of tasks.

import { element } from "./detail.js";

const SHOWN = 8;

/** Buttons in `box` that call `choose(world)`. A world keeps its button, so that an update cannot swallow a click. */
export class WorldButtons {
  #box;
  #choose;
  #buttons = new Map();
  #all = false;
  #more = element("button", { type: "button" });

  constructor(box, choose) {
    this.#box = box;
    this.#choose = choose;
    this.#more.addEventListener("click", () => {
      this.#all = true;
      this.#limit();
      this.#buttons.values().next().value?.focus();
    });
  }

  /** Shows these worlds, `current` as the chosen one. */
  render(worlds, current) {
    const wanted = new Set(worlds.map((each) => each.world));
    for (const [id, button] of this.#buttons) {
      if (wanted.has(id)) continue;
      button.remove();
      this.#buttons.delete(id);
    }
    const alike = new Set(), keys = new Set();
    for (const { key } of worlds) (keys.has(key) ? alike : keys).add(key);
    for (const { world, key, tasks } of worlds) {
      const button = this.#of(world), name = alike.has(key) ? `${key} (${world})` : key;
      const count = `: ${tasks === 1 ? "1 task" : `${tasks} tasks`}`;
      if (button.textContent !== name + count) button.replaceChildren(element("bdi", {}, name), count);
      button.setAttribute("aria-pressed", String(world === current));
    }
    this.#limit();
    this.#box.hidden = worlds.length === 0;
  }

  #of(world) {
    const known = this.#buttons.get(world);
    if (known) return known;
    const button = element("button", { type: "button", title: `World ${world}`, "data-world": world });
    button.addEventListener("click", () => this.#choose(world));
    this.#box.insertBefore(button, this.#more.isConnected ? this.#more : null);
    this.#buttons.set(world, button);
    return button;
  }

  #limit() {
    const whole = this.#all || this.#buttons.size <= SHOWN;
    [...this.#buttons.values()].forEach((button, place) => {
      button.hidden = !whole && place >= SHOWN && button.getAttribute("aria-pressed") !== "true";
    });
    if (whole) return this.#more.remove();
    this.#more.textContent = `All ${this.#buttons.size} worlds`;
    if (!this.#more.isConnected) this.#box.append(this.#more);
  }
}
