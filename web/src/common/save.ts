// Gives a text to the visitor as a file.

export function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken what it needs when its task is over.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
