// Above the pictures: how many there are, the lowest score, the search as SPARQL.

import { AsSparql } from "./AsSparql";
import { FoundLine } from "./FoundLine";
import { MinScore } from "./MinScore";
import type { Session } from "./session";

export function ResultsHead({ session }: { session: Session }) {
  return (
    <div class="results-head">
      <FoundLine session={session} />
      <MinScore session={session} />
      <AsSparql session={session} />
    </div>
  );
}
