// How a query is handed to the workbench: in the fragment, which no server sees or limits.

const FRAGMENT = "#query=";

/** URL of the workbench with `query` in its editor. */
export function workbenchUrl(root: string, query: string): string {
  return `${root}sparql${FRAGMENT}${encodeURIComponent(query)}`;
}
