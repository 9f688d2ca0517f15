// IRIs that no prefix shortens, cut to a length that fits into a cell.

const LONGEST = 48;

/** Without scheme, and with the middle left out where it is long: host and end tell most. */
export function compactIri(iri: string): string {
  const text = iri.replace(/^https?:\/\/(?:www\.)?/, "");
  const half = LONGEST / 2;
  return text.length <= LONGEST ? text : `${text.slice(0, half)}…${text.slice(-half)}`;
}
