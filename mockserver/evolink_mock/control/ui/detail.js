// The details of the chosen task: request, plan, scenario, queries, charges, attempts. Content is inserted as text only.

import { CALLS, curl, repeat } from "./calls.js";

/** A new element with attributes and children. */
export function element(kind, attributes = {}, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const pretty = (value) => JSON.stringify(value, null, 2);
const block = (label, text) => element("pre", { tabindex: "0", "aria-label": label }, text);

/** The elements that show a task; `call(name, values)` makes a call of the target. */
export function detail(found, target, call) {
  const { task, story, deliveries, journal } = found;
  const shown = [
    element("h2", {}, task.id),
    facts({
      Status: `${task.status}, ${task.progress} %`,
      "Planned outcome": task.plan.outcome.code ?? task.plan.outcome.status,
      "Scenario source": [task.scenario_source, task.scenario, task.scenario_rule].filter(Boolean).join(": "),
      Credits: `${task.credits.reserved} reserved, ${task.credits.charged ?? "none"} charged`,
    }),
  ];
  if (!["completed", "failed", "cancelled"].includes(task.status)) {
    shown.push(button("Cancel this task", () => call("cancel", { task: task.id })));
  }
  shown.push(element("h2", {}, "Explanation"), element("ol", {}, ...story.map((line) => element("li", {}, `+${line.after} ${line.about}: ${line.says}`))));
  for (const delivery of deliveries) shown.push(...callback(delivery, task, call));
  shown.push(element("h2", {}, "Request"), block("Request", pretty(task.request)));
  shown.push(element("h2", {}, "Response to a query"), block("Response to a query", pretty(task.body)));
  shown.push(element("h2", {}, "Plan"), block("Plan", pretty(task.plan)));
  const queries = journal.filter((row) => row.route === "query");
  shown.push(element("h2", {}, `Queries (${queries.length})`));
  shown.push(element("ol", {}, ...queries.map(query)));
  shown.push(element("h2", {}, "Repeat the create"), block("The create as curl", repeat(task, location.origin)));
  shown.push(element("h2", {}, "Get these details"), block("The details as curl", curl(CALLS.task({ task: task.id }), target)));
  return shown;
}

// The body is the one a query of the task returns, unless the delivery was resent with another.
function callback(delivery, task, call) {
  const body = `Body of callback ${delivery.number}`;
  return [
    element("h2", {}, `Callback ${delivery.number}: ${delivery.status}`),
    element("p", {}, delivery.verdict ?? ""),
    element("ol", {}, ...delivery.attempts.map(attempt)),
    element("h3", {}, `${body}${delivery.changed_body === null ? "" : ", changed"}`),
    block(body, delivery.changed_body ?? pretty(task.body)),
    button(`Replay callback ${delivery.number}`, () => call("replay", { number: delivery.number })),
  ];
}

function attempt(made) {
  const outcome = [made.status, made.error, made.detail].filter((each) => each !== null).join(", ");
  return element("li", {}, `${outcome}: ${made.reason}; to ${made.target}`, ...whole(made.response));
}

const query = (row) => element("li", {}, `${row.at}: ${row.answer.status ?? row.answer.fault}`, ...whole(row.answer.body));
const whole = (text) => (text ? [element("pre", { class: "whole" }, text)] : []);

function facts(rows) {
  const list = element("dl");
  for (const [name, value] of Object.entries(rows)) list.append(element("dt", {}, name), element("dd", {}, String(value)));
  return list;
}

function button(text, press) {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", press);
  return made;
}
