/** @file The command line as text that can be typed again. */

/** One word for a POSIX shell. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** How this process was called: `npx earshot` or `earshot`. */
function programName(): string {
  return process.env['npm_command'] === 'exec' ? 'npx earshot' : 'earshot';
}

/** The whole command line, quoted. */
export function commandText(words: readonly string[]): string {
  return [programName(), ...words.map(shellWord)].join(' ');
}
