// The gathered pictures at the foot of the page, and what can be done with them.

import { language } from "../../common/i18n";
import { save } from "../../common/save";
import { description } from "../hit";
import { Icon } from "../Icon";
import { plural, t } from "../messages";
import { OpenLink } from "../OpenLink";
import { manifestUrl } from "../opened/viewers";
import { Picture } from "../Picture";
import type { Session } from "../session";
import { csv, jsonLd } from "./downloads";

/** Side of a small picture, as in the style sheet. */
const SMALL = 56;

export function BasketBar({ session }: { session: Session }) {
  const { basket, settings } = session;
  const pictures = basket.pictures.value;
  const ids = pictures.flatMap(({ record }) => (record ? [record.id] : []));
  return (
    <section class="basket" aria-label={t("basket")}>
      <div class="basket-text">
        <p role="status">{plural("basket.n", pictures.length)}</p>
        <p class="quiet-line">{t("basket.memory")}</p>
      </div>
      <ul class="basket-pictures">
        {pictures.map((picture) => {
          const { image, record } = picture;
          const title = description(record, language.value) || image;
          return (
            <li key={image}>
              <OpenLink session={session} image={image}>
                <Picture image={image} record={record} width={SMALL} alt={title} />
              </OpenLink>
              <button
                type="button"
                aria-label={t("basket.remove", { title })}
                onClick={() => basket.toggle(picture)}
              >
                <Icon name="close" />
              </button>
            </li>
          );
        })}
      </ul>
      <div class="basket-actions">
        <button
          type="button"
          class="primary"
          onClick={() => session.askAnew({ like: pictures.map(({ image }) => image) })}
        >
          {t("basket.like")}
        </button>
        <span class="basket-download">
          <span>{t("basket.download")}</span>
          <button type="button" onClick={() => save("basket.csv", "text/csv", csv(pictures))}>
            {t("basket.csv")}
          </button>
          <button
            type="button"
            onClick={() => save("basket.jsonld", "application/ld+json", jsonLd(pictures))}
          >
            {t("basket.jsonld")}
          </button>
          {ids.length > 0 && (
            <a class="button" href={manifestUrl(settings, ids)} download="manifest.json">
              {t("basket.manifest")}
            </a>
          )}
        </span>
        <button type="button" class="quiet" onClick={() => basket.empty()}>
          {t("basket.empty")}
        </button>
      </div>
    </section>
  );
}
