// The lowest score that is shown: dragged, then searched.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { number } from "../common/i18n";
import { minScore } from "./compose";
import { t } from "./messages";
import type { Session } from "./session";

const REST_MS = 250;

export function MinScore({ session }: { session: Session }) {
  const asked = minScore(session.question.value, session.settings);
  const [value, setValue] = useState(asked);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const id = useId();
  useEffect(() => setValue(asked), [asked]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const drag = (dragged: number) => {
    setValue(dragged);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => session.correct({ minScore: dragged }), REST_MS);
  };
  // Similarities below 0 are rare: only who asks for them, or whose service does, has them on the slider.
  const lowest = Math.min(asked, session.settings.defaultMinScore) < 0 ? -1 : 0;
  const text = number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return (
    <div class="min-score">
      <label for={id}>{t("score.min")}</label>
      <input
        id={id}
        type="range"
        min={lowest}
        max="1"
        step="0.01"
        value={value}
        aria-valuetext={text}
        onInput={(event) => drag(event.currentTarget.valueAsNumber)}
      />
      <output for={id}>{text}</output>
    </div>
  );
}
