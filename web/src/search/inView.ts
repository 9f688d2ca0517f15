// Pictures first: what they need not wait for waits for them.

/** Slower pictures hold nothing up. */
const PATIENCE_MS = 300;

/** Once the pictures of the grid that are in view have come, or not, or do not come for long. */
export async function picturesInView(): Promise<void> {
  // They are in the page after this task.
  await after(0);
  const pictures = document.querySelectorAll<HTMLImageElement>(".grid img");
  const coming = Array.from(pictures).filter((picture) => !picture.complete && isInView(picture));
  await Promise.race([Promise.all(coming.map(settled)), after(PATIENCE_MS)]);
}

export function after(milliseconds: number): Promise<null> {
  return new Promise((done) => {
    setTimeout(() => done(null), milliseconds);
  });
}

function isInView(element: Element): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return top < innerHeight && bottom > 0;
}

function settled(picture: HTMLImageElement): Promise<unknown> {
  return new Promise((done) => {
    picture.addEventListener("load", done);
    picture.addEventListener("error", done);
  });
}
