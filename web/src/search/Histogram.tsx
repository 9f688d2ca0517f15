// Images by year as bars; the sliders below say the same in words.

import type { Bin } from "./facets";
import type { Years } from "./question";

export function Histogram({ bins, chosen }: { bins: Bin[]; chosen: Years }) {
  const most = Math.max(1, ...bins.map(({ count }) => count));
  return (
    <div class="histogram" aria-hidden="true">
      {bins.map(({ from, to, count }) => (
        <span
          key={from}
          class={to >= chosen.from && from <= chosen.to ? "is-chosen" : ""}
          style={{ height: `${(100 * count) / most}%` }}
        />
      ))}
    </div>
  );
}
