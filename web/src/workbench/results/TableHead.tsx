// The head of a table: variables, and the language or datatype that a whole column has. Each sorts by its column.
import type { Column } from "../answer/columns";
import type { Order } from "../answer/sort";
import type { Prefixes } from "../query/prefixes";
import { t } from "../texts";
import { SortMark } from "./SortMark";
import { Tag } from "./Tag";

interface Props {
  columns: readonly Column[];
  prefixes: Prefixes;
  order: Order | null;
  onSort: (name: string) => void;
}

export function TableHead({ columns, prefixes, order, onSort }: Props) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        <th scope="col" class="row-number">
          <span class="visually-hidden">{t("row")}</span>
        </th>
        {columns.map(({ name, tag, isNumeric }) => (
          <th
            key={name}
            scope="col"
            class={isNumeric ? "number" : ""}
            aria-sort={order?.name === name ? direction(order) : undefined}
          >
            <button type="button" class="sort" title={t("sort")} onClick={() => onSort(name)}>
              {name}
              {tag && (
                <>
                  {" "}
                  <Tag tag={tag} prefixes={prefixes} />
                </>
              )}
              <SortMark direction={order?.name === name ? direction(order) : null} />
            </button>
          </th>
        ))}
      </tr>
    </thead>
  );
}

function direction({ isDescending }: Order): "ascending" | "descending" {
  return isDescending ? "descending" : "ascending";
}
