// An honest line where no picture is above the minimum, and the step to those that come next.

import { number } from "../common/i18n";
import { minScore } from "./compose";
import { t } from "./messages";
import { nChosen } from "./question";
import type { Session } from "./session";

export function NothingFound({ session }: { session: Session }) {
  const lowest = minScore(session.question.value, session.settings);
  const best = session.hits.best.value;
  if (best === null) {
    // Whatever the minimum: filters that no image fulfils, or a picture that is unknown here.
    const isFiltered = nChosen(session.question.value) > 0;
    return <p class="nothing-found">{isFiltered ? t("none.nothing") : t("none.unknown")}</p>;
  }
  // Rounded down, so that the best is among them.
  const lower = Math.floor(best * 100) / 100;
  return (
    <div class="nothing-found">
      <p>
        {t("none", { score: hundredths(lowest) })} {t("none.best", { score: hundredths(best) })}
      </p>
      <button type="button" onClick={() => session.ask({ minScore: lower })}>
        {t("none.lower", { score: hundredths(lower) })}
      </button>
    </div>
  );
}

function hundredths(score: number): string {
  return number(score, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
