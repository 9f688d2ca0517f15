// Two ends of a span of years over the images of each.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Counted } from "./facetCounts";
import { bins } from "./facets";
import { Histogram } from "./Histogram";
import { t } from "./messages";
import type { Years } from "./question";
import type { Session } from "./session";
import { YearSlider } from "./YearSlider";

const N_BINS = 24;
const REST_MS = 300;

export function PeriodFacet({ session, counted }: { session: Session; counted: Counted }) {
  const asked = session.question.value.years;
  const all = span(counted, asked);
  const [years, setYears] = useState<Years | null>(asked);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setYears(asked), [asked]);
  useEffect(() => () => clearTimeout(timer.current), []);
  if (!all || all.from === all.to) {
    return null;
  }
  const shown = years ?? all;
  const drag = (dragged: Years) => {
    setYears(dragged);
    clearTimeout(timer.current);
    const isAll = dragged.from <= all.from && dragged.to >= all.to;
    timer.current = setTimeout(() => session.ask({ years: isAll ? null : dragged }), REST_MS);
  };
  return (
    <fieldset class="facet period">
      <legend>{t("facet.period")}</legend>
      <Histogram bins={bins(counted.years, N_BINS)} chosen={shown} />
      <YearSlider all={all} years={shown} onChange={drag} />
      <p class="period-years">
        {shown.from}–{shown.to}
      </p>
      {asked && (
        <button type="button" class="as-link" onClick={() => session.ask({ years: null })}>
          {t("period.all")}
        </button>
      )}
    </fieldset>
  );
}

/** All years that have images or are asked for. */
function span({ years }: Counted, asked: Years | null): Years | null {
  const from = [...(asked ? [asked.from] : []), ...years.slice(0, 1).map(({ year }) => year)];
  const to = [...(asked ? [asked.to] : []), ...years.slice(-1).map(({ year }) => year)];
  return from.length > 0 ? { from: Math.min(...from), to: Math.max(...to) } : null;
}
