// Where the labels of a time axis are, and what they say; instants in seconds, in UTC as the clock is shown.

const MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
];
const MOST = 8;
const ROOM = 76;

/** The instants of a range that have a label where it is so many pixels long, and the step between two of them. */
export function ticks([from, to], length) {
  const most = Math.max(Math.min(MOST, Math.floor(length / ROOM)), 1), least = (to - from) / most;
  const step = STEPS.find((each) => each >= least) ?? Math.ceil(least / DAY) * DAY;
  const at = [];
  for (let instant = Math.ceil(from / step) * step; instant <= to; instant += step) at.push(instant);
  return { step, at };
}

/** A label: the time of the day, and at midnight the day. */
export function reads(at, step) {
  const said = new Date(at * 1000).toISOString();
  if (at % DAY === 0) return said.slice(5, 10);
  return said.slice(11, step < MINUTE ? 19 : 16);
}
