// A literal with its language or datatype; long ones are cut until they are asked for.
import { useState } from "preact/hooks";
import type { Literal } from "../../common/term";
import { tagOf } from "../answer/columns";
import type { Prefixes } from "../query/prefixes";
import { t } from "../texts";
import { Tag } from "./Tag";

interface Props {
  literal: Literal;
  prefixes: Prefixes;
  saidTag: string | null;
}

const LONGEST = 400;

export function LiteralView({ literal, prefixes, saidTag }: Props) {
  const [isWhole, setWhole] = useState(literal.value.length <= LONGEST);
  const tag = tagOf(literal);
  return (
    <>
      <span lang={literal["xml:lang"]} dir={literal["its:dir"] ?? "auto"} class="literal">
        {isWhole ? literal.value : `${literal.value.slice(0, LONGEST)}…`}
      </span>
      {!isWhole && (
        <button type="button" class="as-link" onClick={() => setWhole(true)}>
          {t("showAll")}
        </button>
      )}
      {tag && tag !== saidTag && (
        <>
          {" "}
          <Tag tag={tag} prefixes={prefixes} />
        </>
      )}
    </>
  );
}
