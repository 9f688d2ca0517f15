// The keys that an opened picture understands.

import { t } from "../messages";

export function Keys() {
  return (
    <details class="keys">
      <summary>{t("keys")}</summary>
      <dl>
        <Key keys={["←", "→"]} text={t("keys.arrows")} />
        <Key keys={["+", "−", "0"]} text={t("keys.zoom")} />
        <Key keys={["⇧ ← ↑ ↓ →"]} text={t("keys.shift")} />
        <Key keys={["Esc"]} text={t("keys.escape")} />
      </dl>
    </details>
  );
}

function Key({ keys, text }: { keys: string[]; text: string }) {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{text}</dd>
    </div>
  );
}
