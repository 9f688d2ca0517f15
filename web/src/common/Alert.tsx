// An error as one sentence, said aloud by screen readers, with a way to try again.

import type { ComponentChildren } from "preact";
import { common } from "./i18n";

interface Props {
  /** Null while all is well: the region stays, since readers announce only what changes in one. */
  sentence: ComponentChildren;
  onRetry?: (() => void) | undefined;
}

export function Alert({ sentence, onRetry }: Props) {
  return (
    <div role="alert" class="alert-region">
      {sentence !== null && (
        <div class="alert">
          <p>{sentence}</p>
          {onRetry && (
            <button type="button" onClick={onRetry}>
              {common.t("retry")}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
