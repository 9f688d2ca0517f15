// Before anything is asked: what this is, and where to begin.

import { useEffect, useState } from "preact/hooks";
import { language } from "../common/i18n";
import { Grid } from "./Grid";
import { HitList } from "./hitList";
import { t } from "./messages";
import { NOTHING } from "./question";
import type { Session } from "./session";

const EXAMPLES = ["example.1", "example.2", "example.3", "example.4"] as const;
/** Enough for a first look. */
const SHOWN = 12;

export function Start({ session }: { session: Session }) {
  const [list] = useState(() => new HitList(session.settings));
  const first = t("example.1");
  useEffect(() => {
    void firstLook(list, first);
  }, [list, language.value]);
  const hits = list.hits.value.slice(0, SHOWN);
  return (
    <>
      <p class="examples">
        <span>{t("start.try")}</span>
        {EXAMPLES.map((key) => (
          <a
            key={key}
            href={`?q=${encodeURIComponent(t(key))}`}
            onClick={(event) => {
              event.preventDefault();
              session.ask({ text: t(key) });
            }}
          >
            {t(key)}
          </a>
        ))}
      </p>
      {hits.length > 0 && (
        <section class="found" aria-labelledby="start-first">
          <h2 id="start-first" class="start-first">
            {first}
          </h2>
          <Grid session={session} hits={hits} isComplete={false} label={first} />
        </section>
      )}
    </>
  );
}

/** Of a model whose scores are all below the service's minimum, the best are shown all the same. */
async function firstLook(list: HitList, text: string): Promise<void> {
  const isFound = await list.search({ ...NOTHING, text });
  if (isFound && list.best.value !== null) {
    await list.search({ ...NOTHING, text, minScore: -1 });
  }
}
