// What a gallery writes below a picture: its score, its title, and a few words more.
import type { Row } from "../../common/sparql";
import type { Term } from "../../common/term";
import { numberOf } from "./number";

export interface Caption {
  score: number | null;
  title: Term | null;
  /** The other texts of the row. */
  more: readonly Term[];
}

const SCORES = /score|wert|similarity|ähnlichkeit/i;
const TITLES = /title|titel|titre|titolo|label|name|nom/i;
const MOST = 3;

/** By the names of the variables, and by what the row holds in them. */
export function captionOf(row: Row, variables: readonly string[]): Caption {
  const score = variables.find((name) => SCORES.test(name) && numberOf(row[name]) !== null);
  const texts = variables.filter((name) => name !== score && row[name]?.type === "literal");
  const title = texts.find((name) => TITLES.test(name)) ?? texts.find((name) => isWords(row[name]));
  return {
    score: score === undefined ? null : numberOf(row[score]),
    title: (title && row[title]) || null,
    more: texts
      .filter((name) => name !== title)
      .slice(0, MOST)
      .flatMap((name) => row[name] ?? []),
  };
}

function isWords(term: Term | undefined): boolean {
  return term?.type === "literal" && numberOf(term) === null;
}
