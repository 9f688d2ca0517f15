// The rows of a table in the order that its reader wants.
import { useEffect, useState } from "preact/hooks";
import { language } from "../../common/i18n";
import { Slices } from "../../common/slices";
import type { Row } from "../../common/sparql";
import { type Order, sorted } from "../answer/sort";

interface Sorted {
  rows: readonly Row[];
  /** Null for the answer's own. */
  order: Order | null;
}

/** `rows` in the order that was wanted last and is there; that of the answer until then. */
export function useSorted(rows: readonly Row[], wanted: Order | null): Sorted {
  const [found, setFound] = useState<Sorted>({ rows, order: null });
  const spoken = language.value;
  useEffect(() => {
    if (!wanted) {
      setFound((before) =>
        before.order === null && before.rows === rows ? before : { rows, order: null },
      );
      return;
    }
    const stop = new AbortController();
    sorted(rows, wanted, spoken, new Slices(stop.signal)).then(
      (inOrder) => setFound({ rows: inOrder, order: wanted }),
      // Another order is wanted by now.
      () => {},
    );
    return () => stop.abort();
  }, [rows, wanted, spoken]);
  return found;
}
