// The rows of a long answer, parsed part by part: parsed at once, they would stop the page for a second.
import type { Slices } from "../../common/slices";
import type { Row } from "../../common/sparql";

/** What comes before the first row in the answers of the service. */
const HEAD = /^\s*\{\s*"head"[\s\S]*?"results"\s*:\s*\{\s*"bindings"\s*:\s*\[/;
/** A head that is longer is none. */
const LONGEST_HEAD = 1_000_000;
/** Characters that are parsed at once, which takes some milliseconds. */
const AT_ONCE = 100_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * Gives the rows of `text` to `onRows`, part by part, and then the variables; null where `text` does not begin as
 * the service writes tables. Throws SyntaxError for JSON that is cut or is none.
 */
export async function readBindings(
  text: string,
  slices: Slices,
  onRows: (rows: Row[]) => void,
): Promise<string[] | null> {
  const head = HEAD.exec(text.slice(0, LONGEST_HEAD))?.[0];
  if (head === undefined) {
    return null;
  }
  let start = head.length;
  for (let end = endOfRows(text, start); end > start; end = endOfRows(text, start)) {
    onRows(JSON.parse(`[${text.slice(start, end).replace(/^\s*,/, "")}]`));
    start = end;
    await slices.pause();
  }
  // Without its rows the answer must be one, too.
  const { vars } = (JSON.parse(head + text.slice(start)) as { head: { vars?: string[] } }).head;
  return vars ?? [];
}

/** Where the first row ends after which `AT_ONCE` characters have passed, or else the last; `start` without one. */
function endOfRows(text: string, start: number): number {
  let end = start;
  let depth = 0;
  for (let at = start; at < text.length && end - start < AT_ONCE; at += 1) {
    const sign = text.charCodeAt(at);
    if (sign === QUOTE) {
      at = endOfText(text, at);
    } else if (sign === OPEN) {
      depth += 1;
    } else if (sign === CLOSE) {
      depth -= 1;
      if (depth < 0) {
        // Past the list.
        break;
      }
      if (depth === 0) {
        end = at + 1;
      }
    }
  }
  return end;
}

/** Where the quote is that ends the text which begins at `start`. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const sign = text.charCodeAt(at);
    if (sign === QUOTE) {
      return at;
    }
    if (sign === BACKSLASH) {
      at += 1;
    }
  }
  return text.length;
}
