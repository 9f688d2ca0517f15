// Times of a plan, as the visitor's language writes them.
import { number } from "../../common/i18n";

export function milliseconds(ms: number): string {
  return number(ms, {
    style: "unit",
    unit: "millisecond",
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  });
}
