// Dates as people write them.

/** An ISO date from the year 1 on, with or without a time and a time zone, or a month of a year. */
const ISO =
  /^(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::\d\d(?:[.,]\d+)?)?)?)?(?:Z|[+-]\d\d:?\d\d)?$/;
/** Between the ends of a span. */
const BETWEEN = /\s*[/–]\s*/;

/**
 * `value` as `language` writes dates, if it is an ISO date or two of them; null for anything else, years too.
 *
 * A time of midnight only says that there is none; others are shown as they are, in no other time zone.
 */
export function dateText(value: string, language: string): string | null {
  const parts = value.trim().split(BETWEEN);
  const texts = parts.map((part) => oneDate(part, language));
  if (parts.length > 2 || texts.every((text) => text === null)) {
    return null;
  }
  const spoken = texts.map((text, at) => text ?? yearOf(parts[at] ?? ""));
  return spoken.includes(null) ? null : spoken.join(" – ");
}

function oneDate(text: string, language: string): string | null {
  const [whole, ...numbers] = ISO.exec(text) ?? [];
  if (whole === undefined) {
    return null;
  }
  const [year = 0, month = 0, day = 1, hour = 0, minute = 0] = numbers.map((part) =>
    part === undefined ? undefined : Number(part),
  );
  const date = new Date(0);
  // The constructor takes the year 50 for 1950.
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute);
  if (year === 0 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    return null;
  }
  const isMonth = numbers[2] === undefined;
  const hasTime = hour + minute > 0;
  return new Intl.DateTimeFormat(language, {
    timeZone: "UTC",
    year: "numeric",
    month: "long",
    ...(!isMonth && { day: "numeric" }),
    ...(hasTime && { hour: "numeric", minute: "2-digit" }),
  }).format(date);
}

function yearOf(text: string): string | null {
  return /^\d{1,4}$/.test(text) ? String(Number(text)) : null;
}
