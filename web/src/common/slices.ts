// Long work in slices, so that the page answers its visitor meanwhile.

/** So long the page may not answer: a frame at 30 Hz. */
const SLICE_MS = 33;

/** The slices of one piece of long work. */
export class Slices {
  #startedAt = performance.now();

  /** Fails with the browser's AbortError once `signal` says stop. */
  constructor(readonly signal?: AbortSignal) {}

  /** Whether the present slice is over: asked where to wait each time would take longer than the work. */
  get isOver(): boolean {
    return performance.now() - this.#startedAt > SLICE_MS;
  }

  /** If the present slice is over, goes on when the browser has had its turn. */
  async pause(): Promise<void> {
    if (this.isOver) {
      await nextTask();
      this.signal?.throwIfAborted();
      this.#startedAt = performance.now();
    }
  }
}

/** Timers wait 4 ms when they follow one another; messages do not. */
function nextTask(): Promise<void> {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}
