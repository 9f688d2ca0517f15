// Why there is no answer, in one sentence, and the ways on from there.
import { Alert } from "../../common/Alert";
import { KNOWN_PREFIXES } from "../query/knownPrefixes";
import { firstUndeclared, type Insertion, missingPrefix } from "../query/prefixes";
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";

export function ErrorMessage({ bench }: { bench: Workbench }) {
  const progress = bench.progress.value;
  const mistake = bench.mistake.value;
  const fix = mistake && prefixFix(bench);
  return (
    <div class="error-message">
      <Alert sentence={progress.kind === "failed" ? progress.sentence : null} />
      {mistake && (
        <button
          type="button"
          onClick={() => {
            bench.selection.value = { ...mistake.place };
          }}
        >
          {t("error.goTo")}
        </button>
      )}
      {fix && (
        <button type="button" onClick={() => apply(bench, fix)}>
          {t("error.addPrefix", { line: fix.text.trim() })}
        </button>
      )}
    </div>
  );
}

/** The PREFIX line whose lack is the mistake, where the prefix is a well-known one. */
function prefixFix({ query, settings }: Workbench): Insertion | null {
  const prefix = firstUndeclared(query.value)?.prefix ?? "";
  const iri = settings.prefixes[prefix] ?? KNOWN_PREFIXES[prefix];
  return iri ? missingPrefix(query.value, prefix, iri) : null;
}

function apply(bench: Workbench, { at, text }: Insertion): void {
  const query = bench.query.value;
  bench.query.value = query.slice(0, at) + text + query.slice(at);
  bench.run();
}
