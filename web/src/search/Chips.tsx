// The pictures that are part of the question, each of which can be taken out.

import { thumbnailUrl } from "../common/iiif";
import { Chip } from "./Chip";
import { isAtHome } from "./hit";
import { t } from "./messages";
import { regionUrl } from "./region";
import type { Session } from "./session";

/** Width of a small picture on a sharp screen. */
const CHIP_PIXELS = 200;

export function Chips({ session }: { session: Session }) {
  const { picture, region, like } = session.question.value;
  const [first, ...others] = like;
  if (!picture && !region && first === undefined) {
    return null;
  }
  const hits = session.hits.hits.value;
  const isFile = picture !== null && "dataUrl" in picture;
  return (
    <>
      <ul class="chips" aria-label={t("chip.list")}>
        {picture && (
          <Chip
            // Pictures of other hosts are not shown: no request leaves for them from here.
            thumbnail={isFile ? picture.dataUrl : null}
            text={
              isFile ? t("chip.file", { name: picture.name }) : t("chip.url", { url: picture.url })
            }
            onRemove={() => session.ask({ picture: null })}
          />
        )}
        {region && (
          <Chip
            thumbnail={isAtHome(region.image, hits) ? regionUrl(region) : null}
            text={t("chip.region")}
            onRemove={() => session.ask({ region: null })}
          />
        )}
        {first !== undefined && (
          <Chip
            thumbnail={isAtHome(first, hits) ? thumbnailUrl(first, CHIP_PIXELS) : null}
            text={others.length > 0 ? t("chip.likeMany", { n: like.length }) : t("chip.like")}
            onRemove={() => session.ask({ like: [] })}
          />
        )}
      </ul>
      {isFile && <p class="quiet-line">{t("file.notShared")}</p>}
    </>
  );
}
