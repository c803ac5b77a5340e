// The API keys that were entered in this tab, and the worlds that they turned out to have.

const read = (name, empty) => JSON.parse(sessionStorage.getItem(name) ?? empty);
const MAX_KEYS = 20;

/** The keys, the last one first. */
export const knownKeys = () => read("keys", "[]");

/** Puts a key first. */
export function rememberKey(key) {
  sessionStorage.setItem("keys", JSON.stringify([...new Set([key, ...knownKeys()])].slice(0, MAX_KEYS)));
}

/** Keeps the id of a key's world. */
export function rememberWorld(world, key) {
  sessionStorage.setItem("worlds", JSON.stringify({ ...read("worlds", "{}"), [world]: key }));
}

/** The key of a world, if it was entered. */
export const keyOf = (world) => read("worlds", "{}")[world] ?? null;
