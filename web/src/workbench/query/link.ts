// What stands behind # in the address of the page: the query, the view, and whether to run it at once.
import { isView, type View } from "../answer/views";

export interface LinkedQuery {
  query: string;
  view: View | null;
  /** Links that are shared show the answer; an address that is merely reloaded waits. */
  isRun: boolean;
}

/** Longer queries, with pictures inside, are not kept in the address. */
const LONGEST_FRAGMENT = 200_000;

/** Reads a fragment with or without `#`; null where it names no query. */
export function readFragment(fragment: string): LinkedQuery | null {
  const parts = new Map<string, string>();
  for (const part of fragment.replace(/^#/, "").split("&")) {
    const [name = "", ...value] = part.split("=");
    parts.set(name, value.join("="));
  }
  const query = decoded(parts.get("query") ?? "");
  const view = parts.get("view") ?? "";
  return query
    ? { query, view: isView(view) ? view : null, isRun: parts.get("run") === "true" }
    : null;
}

/** The fragment without `#`, empty where it would be too long. */
export function writeFragment({ query, view, isRun }: LinkedQuery): string {
  const fragment = [
    `query=${encodeURIComponent(query)}`,
    ...(view ? [`view=${view}`] : []),
    ...(isRun ? ["run=true"] : []),
  ].join("&");
  return fragment.length <= LONGEST_FRAGMENT ? fragment : "";
}

/** An address that someone has cut or typed is read as far as it goes. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
