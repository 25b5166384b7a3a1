/** @file Scores as people read them. */
import type { Interval } from '../../statistics/index.ts';

/** `0.621 [0.570, 0.668]`; without bounds `0.621`. */
export function scoreText(value: number, interval?: Interval, digits = 3): string {
  const number = value.toFixed(digits);
  return interval === undefined || interval.low === null || interval.high === null
    ? number
    : `${number} [${interval.low.toFixed(digits)}, ${interval.high.toFixed(digits)}]`;
}

/** `62.1 %`. */
export function percentText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** `57.0–66.8 %`, or null without bounds. */
export function percentRange({ low, high }: Interval): string | null {
  return low === null || high === null ? null : `${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)} %`;
}

/** A difference of shares in points with its sign: `+3.1`, `−0.4`. */
export function pointsText(difference: number): string {
  const points = (100 * Math.abs(difference)).toFixed(1);
  return `${difference < 0 && points !== '0.0' ? '−' : '+'}${points}`;
}

/** A p-value: `0.031`, `< 0.001`. */
export function pText(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

/** `12 345` with thin spaces, as in the metric system. */
export function countText(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** `1 clip`, `2 clips`. */
export function plural(n: number, singular: string, many = `${singular}s`): string {
  return `${countText(n)} ${n === 1 ? singular : many}`;
}

/** `0.8 s`, `43 s`, `2 min 5 s`, `1 h 3 min`. */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `8.4 MB` (powers of 1000). */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const steps = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** steps).toFixed(1)} ${['B', 'kB', 'MB', 'GB', 'TB'][steps]}`;
}
