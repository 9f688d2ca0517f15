// All metadata of an image.

import { language, number } from "../../common/i18n";
import type { ImageRecord } from "../../common/images";
import { fieldValues } from "../hit";
import { t, tOr } from "../messages";
import { FieldText } from "./FieldText";

/** Shown above the list already. */
const ABOVE = new Set(["title"]);
/** In this order; others follow. */
const FIRST = ["maker", "date", "technique", "place", "institution", "description"];

interface Props {
  record: ImageRecord | null;
  score: number | null;
}

export function Fields({ record, score }: Props) {
  const spoken = language.value;
  return (
    <dl class="fields">
      {fieldNames(record).map((field) => (
        <div key={field}>
          <dt>{tOr(`field.${field}`, field)}</dt>
          {fieldValues(record, field, spoken).map((value) => (
            <dd key={value.value}>
              <FieldText field={field} value={value} />
            </dd>
          ))}
        </div>
      ))}
      {record?.width && record.height && (
        <div>
          <dt>{t("field.size")}</dt>
          <dd>
            {number(record.width)} × {number(record.height)}
          </dd>
        </div>
      )}
      {score !== null && (
        <div>
          <dt>{t("field.score")}</dt>
          <dd>{number(score, { maximumFractionDigits: 3 })}</dd>
        </div>
      )}
    </dl>
  );
}

function fieldNames(record: ImageRecord | null): string[] {
  const names = Object.keys(record?.fields ?? {}).filter((name) => !ABOVE.has(name));
  const place = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return names.sort((a, b) => place(a) - place(b));
}
