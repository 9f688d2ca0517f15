// The button that copies, in the words of this page.

import { CopyButton } from "../../common/CopyButton";
import { t } from "../messages";

export function CopyText({ text, label }: { text: string; label: string }) {
  return (
    // Another text is not copied yet.
    <CopyButton
      key={text}
      label={label}
      text={() => text}
      done={t("copied")}
      failed={t("copy.failed")}
    />
  );
}
