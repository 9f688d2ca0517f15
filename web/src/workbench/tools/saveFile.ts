// Gives the visitor a file to keep.

export function saveFile(name: string, mediaType: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: mediaType }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has to begin before the address is taken back.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
