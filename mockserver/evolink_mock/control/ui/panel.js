// The panel beside the tasks: loads and shows the explanation of the chosen one. On a narrow screen it covers the page.

import { CALLS, send } from "./calls.js";
import { detail, element } from "./detail.js";

const NARROW = matchMedia("(max-width: 50rem)");
const PARTS = ["task", "explain", "deliveries", "journal"];

export class Panel {
  /** The id of the chosen task. */
  task = null;
  #box;
  #content;
  #behind;
  #target;
  #call;
  #follow;
  // The task that is shown; whether it is being loaded, has changed meanwhile, or must not be redrawn until a pointer is up.
  #shown = null;
  #loading = false;
  #changed = false;
  #held = false;

  /**
   * `behind` are the elements that it covers; `target()` gives the target of calls, `call(name, values)` makes one, and
   * `follow(task)` is called when another task is shown, or with `null` none.
   */
  constructor(box, content, behind, target, call, follow) {
    [this.#box, this.#content, this.#behind] = [box, content, behind];
    [this.#target, this.#call, this.#follow] = [target, call, follow];
    box.addEventListener("pointerdown", () => (this.#held = true));
    for (const over of ["pointerup", "pointercancel"]) window.addEventListener(over, () => this.#release());
    NARROW.addEventListener("change", () => this.#cover());
    this.#empty();
  }

  /** Shows a task. On a narrow screen the focus moves here. */
  open(task) {
    this.task = task;
    if (this.#shown !== task) this.#box.scrollTop = 0;
    this.#box.classList.add("open");
    this.#cover();
    if (NARROW.matches) this.#box.focus();
    this.refresh();
  }

  /** Shows no task, and the page again. */
  close() {
    this.#box.classList.remove("open");
    this.#cover();
    this.#empty();
  }

  get covers() {
    return NARROW.matches && this.#box.classList.contains("open");
  }

  // Loads the task: one load at a time, and none while a pointer is down, since redrawing would replace the button under it.
  async refresh() {
    this.#changed = true;
    if (this.#loading) return;
    this.#loading = true;
    while (this.#changed && this.task && !this.#held) {
      this.#changed = false;
      const task = this.task, target = this.#target();
      try {
        const [details, explained, listed, journal] = await Promise.all(PARTS.map((name) => send(CALLS[name]({ task }), target)));
        if (this.task !== task || this.#held) continue;
        const found = { task: details, story: explained.story, deliveries: listed.deliveries, journal: journal.rows };
        this.#show(detail(found, target, this.#call));
        if (this.#shown !== task) this.#follow((this.#shown = task));
      } catch (error) {
        if (this.task === task) this.#fail(task, error);
      }
    }
    this.#loading = false;
  }

  // A task that was shown and is gone went with a reset, which needs no message; a lost connection is reported elsewhere.
  #fail(task, error) {
    if (error.code !== "task_not_found") {
      if (this.#shown !== task) this.#show([element("h2", {}, task), element("p", { role: "alert" }, error.message)]);
      return;
    }
    if (this.#shown === task) {
      this.#follow(null);
      return this.#empty();
    }
    this.#empty("No such task in this world", `${task} is not there, or no longer: a reset of the world removes its tasks.`);
  }

  #empty(title = "No task chosen", text = "Choose a task to see its explanation, its request, its queries and its callbacks.") {
    this.task = this.#shown = null;
    this.#show([element("h2", {}, title), element("p", { class: "none" }, text)]);
  }

  // Replaces the content, and keeps the scroll position and the keyboard focus.
  #show(parts) {
    const place = this.#box.scrollTop;
    const named = (each) => each.getAttribute("aria-label") ?? each.textContent;
    const focused = this.#content.contains(document.activeElement) ? named(document.activeElement) : null;
    this.#content.replaceChildren(...parts);
    this.#box.scrollTop = place;
    if (focused === null) return;
    const again = [...this.#content.querySelectorAll("button, pre")].find((each) => named(each) === focused);
    (again ?? this.#box).focus();
  }

  #cover() {
    for (const each of this.#behind) each.inert = this.covers;
  }

  #release() {
    if (!this.#held) return;
    // The click event follows, and belongs to the pressed button.
    setTimeout(() => {
      this.#held = false;
      if (this.#changed) this.refresh();
    });
  }
}
