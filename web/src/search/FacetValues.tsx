// The values of one facet with their images; several of them mean any of them.

import { useState } from "preact/hooks";
import { number } from "../common/i18n";
import type { Counted } from "./facetCounts";
import { t, tOr } from "./messages";
import { termKey, toggled } from "./question";
import type { Session } from "./session";

/** Offered at first. */
const FEW = 8;

export function FacetValues({ session, counted }: { session: Session; counted: Counted }) {
  const [isAll, showAll] = useState(false);
  const { facet, choices, isFailed } = counted;
  if (choices.length === 0 && !isFailed) {
    return null;
  }
  const shown = isAll ? choices : choices.filter(({ isChosen }, at) => at < FEW || isChosen);
  return (
    <fieldset class="facet">
      <legend>{tOr(`facet.${facet.name}`, facet.name)}</legend>
      {isFailed && <p class="quiet-line">{t("filters.failed")}</p>}
      {shown.map(({ term, label, count, isChosen }) => (
        <label key={termKey(term)} class="facet-value">
          <input
            type="checkbox"
            checked={isChosen}
            onChange={() =>
              session.ask({ chosen: toggled(session.question.value, facet.name, term).chosen })
            }
          />
          <span dir="auto">{label.trim() || t("facet.unnamed")}</span>
          <span class="facet-count">{number(count)}</span>
        </label>
      ))}
      {choices.length > FEW && (
        <button type="button" class="as-link" aria-expanded={isAll} onClick={() => showAll(!isAll)}>
          {isAll ? t("filters.fewer") : t("filters.more", { n: number(choices.length) })}
        </button>
      )}
    </fieldset>
  );
}
