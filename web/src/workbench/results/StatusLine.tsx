// What is going on: running for how long, or how much came and how long it took.
import { useEffect, useState } from "preact/hooks";
import { number } from "../../common/i18n";
import type { Answer } from "../answer/answer";
import type { Progress, Workbench } from "../state/Workbench";
import { plural, t } from "../texts";

const TICK_MS = 100;

export function StatusLine({ bench }: { bench: Workbench }) {
  const progress = bench.progress.value;
  return (
    <div class="status-line">
      {/* Readers hear that it began and how it ended, not each tenth of a second. */}
      <p role="status">
        {progress.kind === "running" ? t("running") : outcome(progress, bench.answer.value)}
      </p>
      {progress.kind === "running" && (
        <Clock startedAt={progress.startedAt} bytes={bench.bytes.value} />
      )}
    </div>
  );
}

function Clock({ startedAt, bytes }: { startedAt: number; bytes: number }) {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <p aria-hidden="true" class="clock">
      {seconds(now - startedAt, 1)}
      {bytes > 0 && ` · ${size(bytes)}`}
    </p>
  );
}

function outcome(progress: Progress, answer: Answer | null): string {
  switch (progress.kind) {
    case "done":
      return `${amount(answer)} ${t("took", { time: seconds(progress.milliseconds, 2) })}`.trim();
    case "cancelled":
      return t("cancelled", { time: seconds(progress.milliseconds, 1) });
    default:
      return "";
  }
}

function amount(answer: Answer | null): string {
  return answer?.kind === "table" ? plural("rows", answer.rows.length) : "";
}

function seconds(milliseconds: number, digits: number): string {
  return number(milliseconds / 1000, {
    style: "unit",
    unit: "second",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function size(bytes: number): string {
  return number(bytes / 1e6, {
    style: "unit",
    unit: "megabyte",
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  });
}
