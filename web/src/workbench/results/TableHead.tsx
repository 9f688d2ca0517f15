// The head of a table: variables, and the language or datatype that a whole column has.
import type { Column } from "../answer/columns";
import type { Prefixes } from "../query/prefixes";
import { t } from "../texts";
import { Tag } from "./Tag";

export function TableHead({ columns, prefixes }: { columns: Column[]; prefixes: Prefixes }) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        <th scope="col" class="row-number">
          <span class="visually-hidden">{t("row")}</span>
        </th>
        {columns.map(({ name, tag, isNumeric }) => (
          <th key={name} scope="col" class={isNumeric ? "number" : ""}>
            {name}
            {tag && (
              <>
                {" "}
                <Tag tag={tag} prefixes={prefixes} />
              </>
            )}
          </th>
        ))}
      </tr>
    </thead>
  );
}
