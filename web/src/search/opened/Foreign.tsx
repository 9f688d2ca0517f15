// Stands for a picture that a link names and the collection does not have. Nothing is asked of its host.

import { t } from "../messages";

export function Foreign({ image, onLeave }: { image: string; onLeave: () => void }) {
  return (
    <div class="foreign">
      <p role="alert">
        {t("foreign")} <span class="foreign-image">{image}</span>
      </p>
      <button type="button" class="primary" onClick={onLeave}>
        {t("foreign.leave")}
      </button>
    </div>
  );
}
