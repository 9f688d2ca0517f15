// The pages of the service and where they are.

export type Page = "search" | "sparql";

/** In the order of the navigation. */
export const PAGES: Page[] = ["search", "sparql"];

/** URL of `page`; the search page is the root itself. */
export function pageUrl(root: string, page: Page): string {
  return page === "search" ? root || "./" : `${root}sparql`;
}
