/** @file The badge that stands by every number a leak has lifted. */
import type { Badge } from './document.ts';

/** Beside a score of a split with clips of one recording on both sides. */
export const leakBadge: Badge = { badge: 'leaks', tone: 'warning' };
