// The place in the query that an error of the service speaks of.
import { codeOf } from "../query/code";
import { firstUndeclared, type Span } from "../query/prefixes";

const PLACE = /(?:at|near) line (\d+), column (\d+)/;
const MISSING_PREFIX = "Prefix not found";

/** Where the mistake is, as offsets into the query, or null if the sentence names no place. */
export function errorPlace(sentence: string, query: string): Span | null {
  if (sentence.includes(MISSING_PREFIX)) {
    const undeclared = firstUndeclared(query);
    if (undeclared) {
      return { from: undeclared.from, to: undeclared.to };
    }
  }
  const [, line, column] = PLACE.exec(sentence) ?? [];
  return line && column
    ? wordAt(query, offsetOf(query, Number(line), Number(column)))
    : termPlace(sentence, query);
}

/** Lines and columns count from 1, columns by characters and not by UTF-16 units. */
function offsetOf(query: string, line: number, column: number): number {
  const lines = query.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const characters = [...(lines[line - 1] ?? "")].slice(0, column - 1);
  return Math.min(before + characters.join("").length, query.length);
}

/** The word or sign at or after `offset`; at the end of the query what comes last. */
function wordAt(query: string, offset: number): Span | null {
  const found = /^(\s*)([?$]?[\p{L}\p{N}_:.-]+|\S)/u.exec(query.slice(offset));
  if (found) {
    const from = offset + (found[1] ?? "").length;
    return { from, to: from + (found[2] ?? "").length };
  }
  const end = query.trimEnd().length;
  return end > 0 ? { from: end - 1, to: end } : null;
}

/** Sentences about requests name the term that is wrong: `clip:minScore of the clip:Request ?r must …`. */
function termPlace(sentence: string, query: string): Span | null {
  const term = /clip:\w+/.exec(sentence)?.[0];
  const found = term && new RegExp(`(?<![\\w:])${term}(?!\\w)`).exec(codeOf(query));
  return found ? { from: found.index, to: found.index + found[0].length } : null;
}
