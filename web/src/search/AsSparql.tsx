// The search as the query that it is, and the way to the workbench with it.

import { workbenchUrl } from "../common/workbenchLink";
import { hitsQuery } from "./compose";
import { t } from "./messages";
import type { Session } from "./session";

export function AsSparql({ session }: { session: Session }) {
  const query = hitsQuery(session.question.value, session.settings);
  const { picture } = session.question.value;
  const hasFile = picture !== null && "dataUrl" in picture;
  return (
    <details class="as-sparql">
      <summary>{t("sparql")}</summary>
      <p>{t("sparql.lead")}</p>
      <section
        class="sparql-text"
        aria-label="SPARQL"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keys
        tabIndex={0}
      >
        <pre>{hasFile ? shortened(query) : query}</pre>
      </section>
      {hasFile ? (
        <p class="quiet-line">{t("sparql.file")}</p>
      ) : (
        <a class="button" href={workbenchUrl(session.settings.root, query)}>
          {t("sparql.open")}
        </a>
      )}
    </details>
  );
}

function shortened(query: string): string {
  return query.replace(/(data:[^"]{40})[^"]+/, "$1…");
}
