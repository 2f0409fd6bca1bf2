/** Text as it may stand in XML and HTML, between tags and in quoted attributes. */

export const escapeText = (text: string): string =>
  text
    .replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)
    .replace(/[^\t\n\x20-\ud7ff\ue000-\ufffd]/g, '?')
