/** @file Text of foreign origin, such as names of files and classes, made harmless for a terminal. */

// C0 and C1 controls, DEL, line and paragraph separators, and what reverses the direction of text.
const controls = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Colours, as the libraries in use write them. They cannot move the cursor, hide text or speak to the terminal.
 * In brackets, so that `split` keeps them.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const colours = /(\u001b\[(?:0|1|2|22|3[0-79]|9[0-7])m)/;

/** The text with every control character as `\uNNNN`, which JSON reads as the same character. */
export function printable(text: string): string {
  return text.replace(controls, escaped);
}

/**
 * Whole lines as they go to a terminal: what {@link printable} escapes is escaped, but for line feeds and tabs.
 * @param options.colours whether colours stay
 */
export function printableLines(text: string, options: { readonly colours: boolean }): string {
  const clean = (part: string) => part.replace(controls, (c) => (c === '\n' || c === '\t' ? c : escaped(c)));
  if (!options.colours) return clean(text);
  return text
    .split(colours)
    .map((part, i) => (i % 2 === 1 ? part : clean(part)))
    .join('');
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
