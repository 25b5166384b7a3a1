/** @file A long recording's windows as stretches with one label each. */

export interface Window {
  readonly start: number;
  readonly end: number;
  readonly label: string;
  readonly probability: number;
}

/**
 * Joins neighbouring windows of equal label. Where stretches meet, windows overlap: the border is the middle of the
 * overlap, so that stretches follow one another without gap. The probability is the mean over the windows.
 */
export function stretches(windows: readonly Window[]): Window[] {
  const runs: Window[][] = [];
  for (const window of windows) {
    const last = runs.at(-1);
    if (last !== undefined && last[0].label === window.label) last.push(window);
    else runs.push([window]);
  }
  const border = (left: readonly Window[], right: readonly Window[]) =>
    (left.at(-1)!.end + right[0].start) / 2;
  return runs.map((run, i) => ({
    start: i === 0 ? run[0].start : border(runs[i - 1], run),
    end: i === runs.length - 1 ? run.at(-1)!.end : border(run, runs[i + 1]),
    label: run[0].label,
    probability: run.reduce((sum, { probability }) => sum + probability, 0) / run.length,
  }));
}
