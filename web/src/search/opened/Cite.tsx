// The image as a text to cite.

import { common, language } from "../../common/i18n";
import type { ImageRecord } from "../../common/images";
import { t } from "../messages";
import { CopyText } from "./CopyText";
import { citation } from "./citation";

export function Cite({ image, record }: { image: string; record: ImageRecord | null }) {
  const text = citation(image, record, common.t("untitled"), language.value);
  return (
    <section class="cite">
      <h3>{t("cite")}</h3>
      <p dir="auto">{text}</p>
      <CopyText text={text} label={t("copy.cite")} />
    </section>
  );
}
