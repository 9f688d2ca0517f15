// The answer as a file, in every format that the service writes.
import { useState } from "preact/hooks";
import { Alert } from "../../common/Alert";
import { save } from "../../common/save";
import { sentenceOf, withoutLabel } from "../../common/service";
import { ask } from "../answer/ask";
import { type Format, formatsOf } from "../answer/formats";
import { formOf } from "../query/form";
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";
import { Disclosure } from "./Disclosure";

export function Downloads({ bench }: { bench: Workbench }) {
  const [error, setError] = useState<string | null>(null);
  const [loading, setLoading] = useState<string | null>(null);
  const fetchAndSave = async (format: Format, close: () => void) => {
    setError(null);
    setLoading(format.name);
    try {
      await download(bench, format);
      close();
    } catch (reason) {
      setError(withoutLabel(sentenceOf(reason)));
    }
    setLoading(null);
  };
  return (
    <Disclosure label={t("download")} name="downloads">
      {(close) => (
        <>
          <ul>
            {formatsOf(formOf(bench.query.value)).map((format) => (
              <li key={format.name}>
                <button
                  type="button"
                  class="quiet"
                  aria-busy={loading === format.name}
                  onClick={() => loading ?? fetchAndSave(format, close)}
                >
                  {format.name}
                  {loading === format.name && <span class="hint"> {t("loading")}</span>}
                </button>
              </li>
            ))}
          </ul>
          <Alert sentence={error} />
        </>
      )}
    </Disclosure>
  );
}

/** Asks again in the other format; only whole answers become files. */
async function download({ settings, query }: Workbench, format: Format): Promise<void> {
  const { signal } = new AbortController();
  const { root } = settings;
  const { text } = await ask({ root, query: query.value, accept: format.mediaType, signal });
  save(`results.${format.extension}`, format.mediaType, text);
}
