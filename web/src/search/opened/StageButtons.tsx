// Buttons over the picture: to the next one, zoom, rectangle.

import { Icon } from "../Icon";
import { t } from "../messages";
import { IconButton } from "./IconButton";
import type { Neighbours } from "./neighbours";
import type { Surface } from "./surface";

interface Props {
  surface: Surface | null;
  beside: Neighbours;
  onGo: (image: string | null) => void;
  onDraw: () => void;
}

const ZOOM = 1.5;

export function StageButtons({ surface, beside, onGo, onDraw }: Props) {
  return (
    <div class="stage-buttons">
      <IconButton
        icon="previous"
        label={t("picture.previous")}
        isOff={beside.previous === null}
        onClick={() => onGo(beside.previous)}
      />
      <IconButton
        icon="next"
        label={t("picture.next")}
        isOff={beside.next === null}
        onClick={() => onGo(beside.next)}
      />
      {surface?.canZoom && (
        <>
          <IconButton icon="add" label={t("picture.in")} onClick={() => surface.zoomBy(ZOOM)} />
          <IconButton
            icon="remove"
            label={t("picture.out")}
            onClick={() => surface.zoomBy(1 / ZOOM)}
          />
          <IconButton icon="whole" label={t("picture.whole")} onClick={() => surface.showWhole()} />
        </>
      )}
      {surface && (
        <button type="button" class="region-start" onClick={onDraw}>
          <Icon name="region" />
          <span>{t("region.start")}</span>
        </button>
      )}
    </div>
  );
}
