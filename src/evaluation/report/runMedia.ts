/** @file What a report lets one hear and see of clips: which ones, and what the workflow that has the files brings. */
import { decide, type PredictionTable } from '../predictionTable.ts';
import type { Sound } from './document.ts';
import { worstErrors } from './worstErrors.ts';

/** How many of the most confident mistakes a report shows. */
export const shownErrors = 12;

/** Sounds and pictures by clip, brought by the workflow: an evaluation has no files. */
export interface RunMedia {
  readonly sounds: ReadonlyMap<string, Sound>;
  /** Spectrogram and saliency, of the worst errors. */
  readonly pictures: ReadonlyMap<string, { readonly svg: string; readonly alt: string }>;
  /** A sentence: how many clips can be heard, how their sounds were made smaller, and why not all are there. */
  readonly heard: string;
  /** Whole sentences on the pictures: how saliency was computed, or why it was not. */
  readonly remarks: readonly string[];
}

/**
 * The clips of a run in the order in which they are worth hearing, each once: the worst errors; then, cell by cell of the
 * confusion matrix in rounds, the most confident clip of each confusion (the frequent ones first) and of each class that
 * was recognised, then the next of each.
 */
export function clipsToHear(table: PredictionTable): string[] {
  const first = worstErrors(table, shownErrors).map(({ clip }) => clip);
  const cells = [...clipsByCell(table).values()].map((clips) => clips.map(({ clip }) => clip));
  const most = Math.max(...cells.map((clips) => clips.length));
  const rounds = Array.from({ length: most }, (_, round) => cells.flatMap((clips) => clips[round] ?? []));
  return [...new Set([...first, ...rounds.flat()])];
}

/** A clip in its cell of the confusion matrix. */
export interface DecidedClip {
  readonly clip: string;
  readonly row: number;
  readonly column: number;
  /** Probability of the predicted class, and of the true one. */
  readonly confidence: number;
  readonly truthProbability: number;
}

/** The clips of each cell that has any, the most confident first; confusions before the diagonal, full cells first. */
export function clipsByCell({ classes, rows }: PredictionTable): Map<string, DecidedClip[]> {
  const index = new Map(classes.map((label, i) => [label, i]));
  const cells = new Map<string, DecidedClip[]>();
  for (const entry of rows) {
    const { predicted, confidence } = decide(classes, entry);
    const [row, column] = [index.get(entry.label)!, index.get(predicted)!];
    const clip = { clip: entry.clip, row, column, confidence, truthProbability: entry.probabilities[row] };
    const key = `${row}-${column}`;
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [clip]);
    else cell.push(clip);
  }
  for (const clips of cells.values())
    clips.sort((a, b) => b.confidence - a.confidence || (a.clip < b.clip ? -1 : 1));
  const right = ([first]: readonly DecidedClip[]) => Number(first!.row === first!.column);
  return new Map(
    [...cells].sort(([, a], [, b]) => right(a) - right(b) || b.length - a.length || a[0].row - b[0].row),
  );
}
