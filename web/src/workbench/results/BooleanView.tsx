// The answer to ASK.
import { t } from "../texts";

export function BooleanView({ value }: { value: boolean }) {
  return <p class={value ? "verdict yes" : "verdict no"}>{t(value ? "yes" : "no")}</p>;
}
