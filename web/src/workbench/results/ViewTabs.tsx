// Tabs for the views: arrow keys go from one to the next.
import type { View } from "../answer/views";
import { t } from "../texts";

interface Props {
  views: readonly View[];
  chosen: View;
  onChoose: (view: View) => void;
}

export const tabId = (view: View) => `tab-${view}`;
export const panelId = (view: View) => `panel-${view}`;

export function ViewTabs({ views, chosen, onChoose }: Props) {
  const move = (event: KeyboardEvent) => {
    const next = neighbour(views, chosen, event.key);
    if (next) {
      event.preventDefault();
      onChoose(next);
      document.getElementById(tabId(next))?.focus();
    }
  };
  return (
    <div role="tablist" aria-label={t("views")} class="view-tabs" onKeyDown={move}>
      {views.map((view) => (
        <button
          key={view}
          id={tabId(view)}
          type="button"
          role="tab"
          aria-selected={view === chosen}
          aria-controls={view === chosen ? panelId(view) : undefined}
          tabIndex={view === chosen ? 0 : -1}
          onClick={() => onChoose(view)}
        >
          {t(`view.${view}`)}
        </button>
      ))}
    </div>
  );
}

/** Goes round at the ends. */
function neighbour(views: readonly View[], view: View, key: string): View | undefined {
  const n = views.length;
  const idx = views.indexOf(view);
  const targets: Record<string, number> = {
    ArrowRight: (idx + 1) % n,
    ArrowLeft: (idx + n - 1) % n,
    Home: 0,
    End: n - 1,
  };
  const target = targets[key];
  return target === undefined ? undefined : views[target];
}
