/** @file The word a mistyped one was probably meant to be. */

/**
 * The candidate nearest to `word`, or null if none is near: at most two slips (a letter wrong, missing, extra, or two
 * swapped) and fewer slips than half the word, or a candidate that begins with the word.
 */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const plain = normalize(word);
  let best: string | null = null;
  let fewest = Math.min(2.5, Math.max(1, plain.length / 2));
  for (const candidate of candidates) {
    const other = normalize(candidate);
    // Of two as near, the one as long: adamv is adamw rather than adam.
    const slips = editDistance(plain, other) + (other.length === plain.length ? 0 : 0.1);
    if (slips < fewest) {
      fewest = slips;
      best = candidate;
    }
  }
  if (best !== null || plain.length < 2) return best;
  const beginning = candidates.filter((candidate) => normalize(candidate).startsWith(plain));
  return beginning.length === 1 ? beginning[0] : null;
}

/** The sentence to append to a message about a word that is none of `candidates`. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const guess = nearest(word, candidates);
  return guess === null ? '' : ` Did you mean ${guess}?`;
}

/** People mix up case, spaces, hyphens and underscores; that is no slip. */
function normalize(word: string): string {
  return word.toLowerCase().replace(/[\s_-]+/g, '_');
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(row[j - 1] + 1, previous[j] + 1, previous[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2] + 1);
      }
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length];
}
