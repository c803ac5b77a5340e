// The ticks and labels of the time axis; instants in seconds, shown in UTC as the clock is.

const MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
];
const MAX_TICKS = 8;
const TICK_WIDTH = 76;

/** The labelled instants of a range drawn `length` pixels long, and the step between them. */
export function ticks([from, to], length) {
  const most = Math.max(Math.min(MAX_TICKS, Math.floor(length / TICK_WIDTH)), 1), least = (to - from) / most;
  const step = STEPS.find((each) => each >= least) ?? Math.ceil(least / DAY) * DAY;
  const at = [];
  for (let instant = Math.ceil(from / step) * step; instant <= to; instant += step) at.push(instant);
  return { step, at };
}

/** A label: the time of day, and at midnight the date. */
export function labelOf(at, step) {
  const said = new Date(at * 1000).toISOString();
  if (at % DAY === 0) return said.slice(5, 10);
  return said.slice(11, step < MINUTE ? 19 : 16);
}
