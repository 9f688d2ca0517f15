// How far an answer is read: kept as long as the browser keeps the step, and gone back to.

import type { HitList } from "./hitList";
import type { Navigation, Read } from "./navigation";

/** Browsers allow a hundred changes of a step in half a minute. */
const PAUSE_MS = 400;
/** By these visitors go elsewhere themselves. */
const MOVES = ["wheel", "touchmove", "pointerdown", "keydown"];

/** Has `navigation` keep how far `hits` are read. */
export function followReading(navigation: Navigation, hits: HitList): void {
  navigation.reading = () =>
    hits.phase.value === "shown" || hits.phase.value === "adding"
      ? { shown: hits.hits.value.length, scrollY }
      : null;
  let pause = 0;
  addEventListener(
    "scroll",
    () => {
      clearTimeout(pause);
      pause = window.setTimeout(() => navigation.keep(), PAUSE_MS);
    },
    { passive: true },
  );
  addEventListener("pagehide", () => navigation.keep());
}

/** Goes to where `read` ended once `found` says that its hits are shown, unless the visitor moves before. */
export async function readOn({ scrollY }: Read, found: Promise<boolean>): Promise<void> {
  const moved = new AbortController();
  for (const type of MOVES) {
    addEventListener(type, () => moved.abort(), { passive: true, signal: moved.signal });
  }
  const isFound = await found;
  // The hits have their places after this task.
  setTimeout(() => {
    if (isFound && !moved.signal.aborted) {
      scrollTo({ top: scrollY, behavior: "instant" });
    }
    moved.abort();
  });
}
