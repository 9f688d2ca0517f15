// Copies a text, and says that it did.
import { useState } from "preact/hooks";
import { copied } from "../../common/clipboard";
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
