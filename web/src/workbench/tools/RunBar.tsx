// Runs, stops and explains the query, and takes it elsewhere.
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";
import { Copies } from "./Copies";
import { Downloads } from "./Downloads";

export function RunBar({ bench }: { bench: Workbench }) {
  const isEmpty = bench.query.value.trim() === "";
  return (
    <div class="run-bar">
      {/* One button, so that the focus stays where it is when a query begins and ends. */}
      <button
        type="button"
        class="primary run"
        disabled={isEmpty}
        onClick={() => (bench.isRunning.value ? bench.cancel() : bench.run())}
      >
        {bench.isRunning.value ? t("cancel") : t("run")}
      </button>
      <button type="button" disabled={isEmpty} onClick={() => bench.explain()}>
        {t("explain")}
      </button>
      <Downloads bench={bench} />
      <Copies bench={bench} />
    </div>
  );
}
