// The answer: filters, how many pictures, the pictures.

import { Filters } from "./Filters";
import { Grid } from "./Grid";
import { More } from "./More";
import { t } from "./messages";
import { NothingFound } from "./NothingFound";
import { ResultsHead } from "./ResultsHead";
import type { Session } from "./session";

export function Results({ session }: { session: Session }) {
  const { hits, isComplete, phase, error } = session.hits;
  const { settings } = session;
  const hasFilters = settings.hasMetadata && settings.facets.length > 0;
  const isEmpty = phase.value === "shown" && hits.value.length === 0 && error.value === null;
  return (
    <div class={hasFilters ? "results with-filters" : "results"}>
      {hasFilters && <Filters session={session} />}
      <section class="found" aria-label={t("results")}>
        <ResultsHead session={session} />
        {isEmpty && <NothingFound session={session} />}
        <Grid
          session={session}
          hits={hits.value}
          isComplete={isComplete.value}
          label={t("results")}
          isBusy={phase.value === "searching"}
        />
        <More session={session} />
      </section>
    </div>
  );
}
