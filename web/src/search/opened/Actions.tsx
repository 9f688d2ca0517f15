// What can be done with an opened picture.

import type { ImageRecord } from "../../common/images";
import { Icon } from "../Icon";
import { t } from "../messages";
import type { Session } from "../session";
import { CopyText } from "./CopyText";
import { manifestUrl, viewerUrl } from "./viewers";

interface Props {
  session: Session;
  image: string;
  record: ImageRecord | null;
}

export function Actions({ session, image, record }: Props) {
  const { basket, settings } = session;
  const isIn = basket.has(image);
  const manifest = record && manifestUrl(settings, [record.id]);
  return (
    <div class="actions">
      <button type="button" class="primary" onClick={() => session.askAnew({ like: [image] })}>
        {t("picture.like")}
      </button>
      <button type="button" aria-pressed={isIn} onClick={() => basket.toggle({ image, record })}>
        <Icon name={isIn ? "check" : "add"} />
        <span>{isIn ? t("basket.inShort") : t("basket.addShort")}</span>
      </button>
      <CopyText text={image} label={t("copy.iiif")} />
      {manifest && (
        <p class="open-in">
          {settings.viewers.map((viewer) => (
            <a
              key={viewer.name}
              href={viewerUrl(viewer, manifest)}
              target="_blank"
              rel="noreferrer"
            >
              {t("open.in", { name: viewer.name })}
            </a>
          ))}
          <a href={manifest}>{t("open.manifest")}</a>
        </p>
      )}
    </div>
  );
}
