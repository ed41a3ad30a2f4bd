// @ts-check
/**
 * Writes the absolute part of times in the reader's own zone. The server wrote it in UTC.
 * @param {Document} page
 */
export function localTimes(page) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of page.querySelectorAll("time[datetime]")) {
    const at = new Date(time.getAttribute("datetime") ?? "");
    if (!Number.isNaN(at.getTime())) time.textContent = format.format(at);
  }
}
