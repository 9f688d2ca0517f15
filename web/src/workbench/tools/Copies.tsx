// The query as a link or as a command, on the clipboard.

import { CopyButton } from "../../common/CopyButton";
import { usualMediaType } from "../answer/formats";
import { curlCommand } from "../query/curl";
import { formOf } from "../query/form";
import { writeFragment } from "../query/link";
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";

export function Copies({ bench }: { bench: Workbench }) {
  const words = { done: t("copied"), failed: t("copy.failed") };
  return (
    <>
      <CopyButton label={t("copy.link")} text={() => shareLink(bench)} {...words} />
      <CopyButton label={t("copy.curl")} text={() => command(bench)} {...words} />
    </>
  );
}

/** Opens with the same query and view, and shows the answer. */
function shareLink({ query, view }: Workbench): string {
  const link = { query: query.value, view: view.value, isRun: true };
  return `${location.href.split("#")[0]}#${writeFragment(link)}`;
}

function command({ settings, query }: Workbench): string {
  const endpoint = new URL(`${settings.root}sparql`, document.baseURI).href;
  const text = query.value;
  return curlCommand(settings.endpoint || endpoint, text, usualMediaType(formOf(text)));
}
