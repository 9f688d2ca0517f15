// A slider with two ends, each of them an ordinary range for keys and readers.

import { t } from "./messages";
import type { Years } from "./question";

interface Props {
  all: Years;
  years: Years;
  onChange: (years: Years) => void;
}

export function YearSlider({ all, years, onChange }: Props) {
  const { from, to } = years;
  return (
    <div class="year-slider">
      <input
        type="range"
        aria-label={t("period.from")}
        min={all.from}
        max={all.to}
        value={from}
        onInput={(event) => onChange({ from: Math.min(event.currentTarget.valueAsNumber, to), to })}
      />
      <input
        type="range"
        aria-label={t("period.to")}
        min={all.from}
        max={all.to}
        value={to}
        onInput={(event) =>
          onChange({ from, to: Math.max(event.currentTarget.valueAsNumber, from) })
        }
      />
    </div>
  );
}
