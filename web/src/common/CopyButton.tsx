// Copies a text, and says for a while whether it did.

import { useState } from "preact/hooks";
import { copied } from "./clipboard";

interface Props {
  label: string;
  /** Asked for when the button is pressed. */
  text: () => string;
  /** What is said: that it is copied, and that it cannot be. */
  done: string;
  failed: string;
}

const SAID_MS = 4000;

export function CopyButton({ label, text, done, failed }: Props) {
  const [said, setSaid] = useState<"done" | "failed" | null>(null);
  const copy = async () => {
    setSaid((await copied(text())) ? "done" : "failed");
    setTimeout(() => setSaid(null), SAID_MS);
  };
  return (
    <span class="copy">
      <button type="button" onClick={() => void copy()}>
        {label}
      </button>
      <span role="status">{said && { done, failed }[said]}</span>
    </span>
  );
}
