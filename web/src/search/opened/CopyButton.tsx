// Copies a text, and says whether it did.

import { useEffect, useState } from "preact/hooks";
import { copied } from "../../common/clipboard";
import { t } from "../messages";

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => setSaid(""), [text]);
  const copy = async () => {
    setSaid(t((await copied(text)) ? "copied" : "copy.failed"));
  };
  return (
    <span class="copy">
      <button type="button" onClick={() => void copy()}>
        {label}
      </button>
      <span role="status">{said}</span>
    </span>
  );
}
