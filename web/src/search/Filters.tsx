// The facets beside the grid; on a narrow page behind a button.

import { useState } from "preact/hooks";
import { number } from "../common/i18n";
import { COUNTED } from "./compose";
import { FacetValues } from "./FacetValues";
import type { Counted } from "./facetCounts";
import { t } from "./messages";
import { PeriodFacet } from "./PeriodFacet";
import { nChosen, PERIOD } from "./question";
import type { Session } from "./session";

export function Filters({ session }: { session: Session }) {
  const [isOpen, setOpen] = useState(false);
  const chosen = nChosen(session.question.value);
  const { facets, total } = session.counts;
  return (
    <section class="filters" aria-label={t("filters")}>
      <button
        type="button"
        class="filters-toggle"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {t("filters")}
        {chosen > 0 && ` (${number(chosen)})`}
      </button>
      <div class={isOpen ? "filters-body is-open" : "filters-body"}>
        {chosen > 0 && (
          <button
            type="button"
            class="as-link"
            onClick={() => session.ask({ chosen: {}, years: null })}
          >
            {t("filters.clear")}
          </button>
        )}
        {facets.value.map((counted) =>
          counted.facet.name === PERIOD ? (
            <PeriodFacet key={PERIOD} session={session} counted={counted} />
          ) : (
            <FacetValues key={counted.facet.name} session={session} counted={counted} />
          ),
        )}
        {chosen === 0 && isUseless(facets.value) && <p class="quiet-line">{t("filters.none")}</p>}
        {total.value?.isBounded && (
          <p class="quiet-line">{t("filters.best", { n: number(COUNTED) })}</p>
        )}
      </div>
    </section>
  );
}

/** Whether all was counted, and nothing divides the pictures. */
function isUseless(facets: Counted[]): boolean {
  return (
    facets.length > 0 &&
    facets.every(({ choices, years, isFailed }) => !isFailed && choices.length + years.length === 0)
  );
}
