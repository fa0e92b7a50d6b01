/** UTF-16 units of one text: lines stay within what syslog receivers take (8 KiB) unless dozens of labels are allowed. */
export const TEXT_MAX = 512;

/** What is longer is cut, and says so by its last character. */
export function cut(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX - 1)}…`;
}
