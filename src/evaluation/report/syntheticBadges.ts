/** @file The badge of every report on computed sound. */
import type { Tone } from './document.ts';

/** The badge where sounds were computed, else nothing. */
export function syntheticBadges(synthetic: boolean): { readonly tone: Tone; readonly text: string }[] {
  if (!synthetic) return [];
  const text =
    'Synthetic data: these sounds were computed, not recorded. The numbers show that the program works, not how well it hears.';
  return [{ tone: 'warning', text }];
}
