// More pictures when the end of the grid comes near, by a button for keys, and what stands at the end.

import { useEffect, useRef } from "preact/hooks";
import { number } from "../common/i18n";
import { minScore } from "./compose";
import { t } from "./messages";
import type { Session } from "./session";

export function More({ session }: { session: Session }) {
  const { hits, isComplete, phase, error } = session.hits;
  const end = useRef<HTMLDivElement>(null);
  const nHits = hits.value.length;
  // Observed anew after each page: an end that is still in view asks for the next one.
  useEffect(() => {
    const observer = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting && !error.value && void session.hits.more(),
      { rootMargin: "800px" },
    );
    if (end.current) {
      observer.observe(end.current);
    }
    return () => observer.disconnect();
  }, [session, nHits, isComplete.value]);
  if (nHits === 0) {
    return null;
  }
  if (isComplete.value) {
    const score = number(minScore(session.question.value, session.settings));
    return <p class="end-line">{t("end", { score })}</p>;
  }
  return (
    <div ref={end} class="more">
      <button
        type="button"
        aria-disabled={phase.value === "adding"}
        onClick={() => void session.hits.more()}
      >
        {phase.value === "adding" ? t("searching") : t("more")}
      </button>
    </div>
  );
}
