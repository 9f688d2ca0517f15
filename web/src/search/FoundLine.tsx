// How many pictures were found, said aloud when it changes.

import { number } from "../common/i18n";
import { COUNTED } from "./compose";
import { plural, t } from "./messages";
import { nChosen } from "./question";
import type { Session } from "./session";

export function FoundLine({ session }: { session: Session }) {
  return (
    <div class="found-line" role="status">
      {isTold(session) && <h2>{sentence(session)}</h2>}
    </div>
  );
}

/** Where the search failed nobody knows how many there are. */
function isTold({ hits }: Session): boolean {
  return hits.error.value === null || hits.hits.value.length > 0;
}

function sentence({ hits, counts, question }: Session): string {
  const shown = hits.hits.value.length;
  if (hits.phase.value === "searching") {
    return t("searching");
  }
  // All hits are there: nothing need be counted.
  if (hits.isComplete.value) {
    return plural("found", shown);
  }
  const total = counts.total.value;
  if (!total) {
    return plural("found.shown", shown);
  }
  const best = number(COUNTED);
  if (!total.isBounded) {
    return plural("found", total.count);
  }
  return nChosen(question.value) > 0
    ? plural("found.boundedFiltered", total.count, { best })
    : t("found.bounded", { n: best });
}
