// Closes the opened picture.

import { common } from "../../common/i18n";
import { Icon } from "../Icon";

export function CloseButton({ onClose }: { onClose: () => void }) {
  return (
    <button type="button" class="opened-close" aria-label={common.t("close")} onClick={onClose}>
      <Icon name="close" />
    </button>
  );
}
