// A query without what only looks like code: comments, texts and IRIs, blanked out at equal length.

const NOT_CODE =
  /<[^<>"{}|^`\\\s]*>|"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:[^"\\\n\r]|\\.)*"?|'(?:[^'\\\n\r]|\\.)*'?|#[^\n\r]*/g;

/** Stands for each character that is none of the query's own words. */
const BLANK = "\u0000";

/** The query with comments, texts and IRIs blanked out, so that offsets stay what they were. */
export function codeOf(query: string): string {
  return query.replace(NOT_CODE, (part) => BLANK.repeat(part.length));
}

/** Whether what is written at `offset` would be a word of the query itself. */
export function isCodeBefore(query: string, offset: number): boolean {
  const before = codeOf(query.slice(0, offset));
  const isOpenIri = /<[^<>"{}|^`\\\s]+$/.test(before);
  return !before.endsWith(BLANK) && !isOpenIri;
}
