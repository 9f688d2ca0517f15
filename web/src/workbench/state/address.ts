// Keeps the query and its view in the address of the page, and follows links to others.
import { effect } from "@preact/signals";
import { readFragment, writeFragment } from "../query/link";
import type { Workbench } from "./Workbench";

/** Typing is not written into the address letter by letter. */
const PAUSE_MS = 400;

/** Opens what the address names, or `first`; from then on the address says what is in the editor. */
export function followAddress(bench: Workbench, first: string): void {
  const link = readFragment(location.hash);
  bench.open(link ?? { query: first, view: null, isRun: false });
  window.addEventListener("hashchange", () => {
    const next = readFragment(location.hash);
    if (next) {
      bench.open(next);
    }
  });
  writeAddress(bench, link ? null : first);
}

/** An untouched page keeps its short address. */
function writeAddress({ query, wantedView }: Workbench, untouched: string | null): void {
  let timer: ReturnType<typeof setTimeout>;
  effect(() => {
    const link = { query: query.value, view: wantedView.value, isRun: false };
    clearTimeout(timer);
    if (link.query !== untouched || link.view) {
      timer = setTimeout(() => replace(writeFragment(link)), PAUSE_MS);
    }
  });
}

function replace(fragment: string): void {
  const address = `${location.pathname}${location.search}${fragment && `#${fragment}`}`;
  history.replaceState(history.state, "", address);
}
