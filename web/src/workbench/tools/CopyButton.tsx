// Copies a text, and says that it did.
import { useState } from "preact/hooks";
import { t } from "../texts";

interface Props {
  label: string;
  text: () => string;
}

const SAID_MS = 4000;

export function CopyButton({ label, text }: Props) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    const isCopied = await copied(text());
    setSaid(t(isCopied ? "copied" : "copy.failed"));
    setTimeout(() => setSaid(""), SAID_MS);
  };
  return (
    <span class="copy">
      <button type="button" onClick={copy}>
        {label}
      </button>
      <span role="status">{said}</span>
    </span>
  );
}

/** Pages without https have no clipboard, but a selection can still be copied. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

function copiedBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) {
    focused.focus();
  }
  return isCopied;
}
