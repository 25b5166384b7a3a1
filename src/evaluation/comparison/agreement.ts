/** @file Where approaches agree and where they do not, clip by clip. */
import { decide, type PredictionTable } from '../predictionTable.ts';
import type { Agreement, DisputedClip } from './comparison.ts';

/**
 * Compares decisions. Disputed clips come in the order of how much they tell: those that about half of the approaches
 * got right first, and among equals those decided with most confidence.
 * @param tables one per approach, of the same clips in the same order
 */
export function agreementOf(tables: readonly PredictionTable[]): Agreement {
  const [first] = tables;
  let allRight = 0;
  let allWrong = 0;
  const disputed: (DisputedClip & { readonly balance: number; readonly sureness: number })[] = [];
  const rows = first?.rows ?? [];
  rows.forEach(({ clip, label, group }, i) => {
    const decisions = tables.map(({ classes, rows: own }) => decide(classes, own[i]));
    const right = decisions.filter(({ predicted }) => predicted === label).length;
    if (right === tables.length) allRight++;
    if (right === 0) allWrong++;
    if (new Set(decisions.map(({ predicted }) => predicted)).size === 1) return;
    disputed.push({
      ...{ clip, label, group, decisions },
      balance: Math.min(right, tables.length - right),
      sureness: decisions.reduce((sum, { confidence }) => sum + confidence, 0),
    });
  });
  disputed.sort((a, b) => b.balance - a.balance || b.sureness - a.sureness || (a.clip < b.clip ? -1 : 1));
  return {
    allRight,
    allWrong,
    someRight: rows.length - allRight - allWrong,
    disputed: disputed.map(({ balance: _, sureness: __, ...clip }) => clip),
  };
}
