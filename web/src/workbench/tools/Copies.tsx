// The query as a link or as a command, on the clipboard.

import { usualMediaType } from "../answer/formats";
import { curlCommand } from "../query/curl";
import { formOf } from "../query/form";
import { writeFragment } from "../query/link";
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";
import { CopyButton } from "./CopyButton";

export function Copies({ bench }: { bench: Workbench }) {
  return (
    <>
      <CopyButton label={t("copy.link")} text={() => shareLink(bench)} />
      <CopyButton label={t("copy.curl")} text={() => command(bench)} />
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
