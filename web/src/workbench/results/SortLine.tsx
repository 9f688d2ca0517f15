// Says in which order the rows are, and that what did not come is not among them.
import { number } from "../../common/i18n";
import type { Order } from "../answer/sort";
import { t } from "../texts";

interface Props {
  order: Order | null;
  nRows: number;
  /** Whether the query asked for these rows and no more. */
  isLimited: boolean;
}

export function SortLine({ order, nRows, isLimited }: Props) {
  return (
    <p role="status" class="sort-line hint">
      {order && t(order.isDescending ? "sort.down" : "sort.up", { name: order.name })}
      {order && isLimited && ` ${t("sort.limited", { n: number(nRows) })}`}
    </p>
  );
}
