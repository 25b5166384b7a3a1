/** @file Which of many names a mistyped or shortened one was probably meant to be. */

/**
 * The names nearest to `word`, best first, at most `count`: those that contain it (or that it contains), shortest first,
 * then those that differ in few letters.
 */
export function nearestNames(word: string, names: readonly string[], count: number): string[] {
  const plain = word.toLowerCase();
  const scored: { name: string; score: number }[] = [];
  for (const name of new Set(names)) {
    const other = name.toLowerCase();
    const [short, long] = plain.length < other.length ? [plain, other] : [other, plain];
    if (short.length >= 2 && long.includes(short)) {
      scored.push({ name, score: (long.length - short.length) / 1000 });
      continue;
    }
    // Half of the letters wrong is another name.
    const most = Math.floor(plain.length / 2);
    if (long.length - short.length > most) continue;
    const slips = editDistance(plain, other);
    if (slips <= most) scored.push({ name, score: 1 + slips });
  }
  return scored
    .sort((a, b) => a.score - b.score)
    .slice(0, count)
    .map(({ name }) => name);
}

/** Levenshtein distance: letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    previous = row;
  }
  return previous[b.length];
}
