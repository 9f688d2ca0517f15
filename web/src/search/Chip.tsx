// One picture of the question.

import { Icon } from "./Icon";
import { t } from "./messages";

interface Props {
  thumbnail: string | null;
  text: string;
  onRemove: () => void;
}

export function Chip({ thumbnail, text, onRemove }: Props) {
  return (
    <li class="chip">
      {thumbnail ? <img src={thumbnail} alt="" /> : <Icon name="picture" />}
      <span>{text}</span>
      <button
        type="button"
        class="quiet"
        aria-label={t("chip.remove", { what: text })}
        onClick={onRemove}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}
