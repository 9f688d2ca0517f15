// Beside the large picture: what is known about it and what can be done with it.

import { common, language } from "../../common/i18n";
import type { ImageRecord } from "../../common/images";
import { FieldLine } from "../FieldLine";
import { fieldText } from "../hit";
import type { Session } from "../session";
import { Actions } from "./Actions";
import { Cite } from "./Cite";
import { Fields } from "./Fields";
import { Keys } from "./Keys";

interface Props {
  session: Session;
  image: string;
  record: ImageRecord | null;
}

export function About({ session, image, record }: Props) {
  const hasTitle = fieldText(record, "title", language.value) !== "";
  const score = session.hits.hits.value.find((hit) => hit.image === image)?.score ?? null;
  return (
    <div class="about">
      <h2>{hasTitle ? <FieldLine record={record} field="title" /> : common.t("untitled")}</h2>
      <p class="about-maker">
        <FieldLine record={record} field="maker" />
      </p>
      <Actions session={session} image={image} record={record} />
      <Fields record={record} score={score} />
      <Cite image={image} record={record} />
      <Keys />
    </div>
  );
}
