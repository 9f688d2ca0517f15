// The answer as it came.
import { useState } from "preact/hooks";
import { number } from "../../common/i18n";
import { t } from "../texts";

/** More text at once makes the browser slow. */
const FIRST = 100_000;

export function TextView({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(text.length <= FIRST);
  return (
    <>
      {/* Scrolls in both directions, so the keyboard has to reach it. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre tabIndex={0}>{isWhole ? text : text.slice(0, FIRST)}</pre>
      {!isWhole && (
        <p class="hint">
          {t("text.first", { shown: number(FIRST), all: number(text.length) })}{" "}
          <button type="button" onClick={() => setWhole(true)}>
            {t("showAll")}
          </button>
        </p>
      )}
    </>
  );
}
