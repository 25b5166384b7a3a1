/** @file The badge that stands by every number a leak has lifted. */
import type { SplitSummary } from '../evaluation.ts';
import type { Badge } from './document.ts';

/** Beside a score of a split with clips of one recording on both sides. */
export const leakBadge: Badge = { badge: 'leaks', tone: 'warning' };

/** The badge where test clips share their recordings with training, else nothing. */
export function leakBadges(split: SplitSummary | null): Badge[] {
  return split !== null && split.leak.clips > 0 ? [leakBadge] : [];
}
