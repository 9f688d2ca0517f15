// One picture of the grid: its thumbnail, what it is, its score.

import { language, number } from "../common/i18n";
import { BasketButton } from "./BasketButton";
import { FieldLine } from "./FieldLine";
import { description, type Hit } from "./hit";
import type { Box } from "./layout";
import { t } from "./messages";
import { OpenLink } from "./OpenLink";
import { Picture } from "./Picture";
import type { Session } from "./session";

interface Props {
  session: Session;
  hit: Hit;
  box: Box;
  isLazy: boolean;
}

export function GridHit({ session, hit, box, isLazy }: Props) {
  const { image, record, score } = hit;
  const spoken = language.value;
  const alt = description(record, spoken) || t("picture.untitled", { id: lastPart(image) });
  return (
    <li style={{ width: `${box.width}px`, marginRight: `${box.rest}px` }}>
      <OpenLink session={session} image={image}>
        <span class="frame" style={{ height: `${box.height}px` }}>
          <Picture image={image} record={record} width={box.width} alt={alt} isLazy={isLazy} />
        </span>
      </OpenLink>
      <p class="caption">
        {/* The picture's own text says both already. */}
        <span class="caption-text" aria-hidden="true">
          <FieldLine class="caption-title" record={record} field="title" />
          <FieldLine class="caption-maker" record={record} field="maker" />
        </span>
        <span class="score">
          <span class="visually-hidden">{t("score")} </span>
          {number(score, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}
        </span>
      </p>
      <BasketButton basket={session.basket} picture={{ image, record }} title={alt} />
    </li>
  );
}

function lastPart(image: string): string {
  return image.split("/").at(-1) ?? image;
}
