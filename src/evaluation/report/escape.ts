/** @file Whatever a class or a file is called, it stays text, and a path stays a path. */

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML or XML text or attribute value; characters that XML forbids become the replacement character. */
export function escapeHtml(text: string): string {
  return (
    text
      .replace(/\p{Surrogate}/gu, '\ufffd')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replace(/[&<>"']/g, (character) => entities[character])
  );
}

/** A relative path as a URL; `./` keeps a name with a colon from being read as a scheme. */
export function relativeUrl(path: string): string {
  const parts = path
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .split('/')
    .map(encodeURIComponent);
  return `./${parts.join('/')}`.replace(/[()']/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}
