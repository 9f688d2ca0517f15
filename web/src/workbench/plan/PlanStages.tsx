// Where the time went: a bar for each stage.
import { t } from "../texts";
import { milliseconds } from "./milliseconds";
import type { Stage } from "./plan";

export function PlanStages({ stages }: { stages: Stage[] }) {
  return (
    <table class="plan-stages">
      <caption class="visually-hidden">{t("plan.times")}</caption>
      <tbody>
        {stages.map(({ name, milliseconds: ms, share }) => (
          <tr key={name} class={ms === 0 ? "idle" : ""}>
            <th scope="row">
              {t(`plan.stage.${name}`)} <span class="hint">{t(`plan.does.${name}`)}</span>
            </th>
            <td class="number">{milliseconds(ms)}</td>
            <td class="bar-cell" aria-hidden="true">
              <span class="bar-track">
                <span class="bar" style={{ inlineSize: `${share * 100}%` }} />
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
