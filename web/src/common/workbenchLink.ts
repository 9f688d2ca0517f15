// How a query is handed to the workbench: in the fragment, which no server sees or limits.

const FRAGMENT = "#query=";

/** URL of the workbench with `query` in its editor. */
export function workbenchUrl(root: string, query: string): string {
  return `${root}sparql${FRAGMENT}${encodeURIComponent(query)}`;
}

/** The query in a fragment (`location.hash`), or null if there is none. */
export function queryOfFragment(fragment: string): string | null {
  if (!fragment.startsWith(FRAGMENT)) {
    return null;
  }
  try {
    return decodeURIComponent(fragment.slice(FRAGMENT.length));
  } catch {
    return null;
  }
}
