// Waiting for what a page shows, with a limit.

/** How long a test waits for one thing. Slow machines need some seconds. */
export const PATIENCE_MS = 30_000;
const PAUSE_MS = 100;

/** Waits until `condition` answers something true, which it returns. What a condition throws counts as not yet. */
export async function until(what, condition) {
  const end = Date.now() + PATIENCE_MS;
  let last;
  do {
    try {
      const answer = await condition();
      if (answer) {
        return answer;
      }
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  } while (Date.now() < end);
  throw new Error(`waited ${PATIENCE_MS / 1000} s in vain: ${what}`, { cause: last });
}
