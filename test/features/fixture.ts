/** @file Reads the reference values made by tools/fixtures/features.py. */
import { readFileSync } from 'node:fs';

export interface FeatureCase {
  function: string;
  signal: string;
  options: Record<string, number | string | boolean | null>;
  shape: number[];
  values: Float32Array;
  source: string;
  title: string;
}

interface Stored {
  sampleRate: number;
  signals: Record<string, string>;
  cases: (Omit<FeatureCase, 'values' | 'title'> & { data: string })[];
}

const stored = JSON.parse(
  readFileSync(new URL('../fixtures/features/features.json', import.meta.url), 'utf8'),
) as Stored;

function decode(text: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
}

export const sampleRate = stored.sampleRate;

export const signals: Readonly<Record<string, Float32Array>> = Object.fromEntries(
  Object.entries(stored.signals).map(([name, text]) => [name, decode(text)]),
);

/** The cases of one function, or a failure if there are none. */
export function casesOf(name: string): FeatureCase[] {
  const found = stored.cases.filter((c) => c.function === name);
  if (found.length === 0) throw new Error(`The fixture has no cases of ${name}.`);
  return found.map(({ data, ...c }) => ({
    ...c,
    values: decode(data),
    title: `${c.signal ?? ''} ${JSON.stringify(c.options)} (${c.source})`,
  }));
}

/** Largest absolute difference; infinite if the lengths differ or anything is not finite. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (!(d <= worst)) worst = Number.isFinite(d) ? d : Number.POSITIVE_INFINITY;
  }
  return worst;
}

/** Largest difference, relative to the largest reference value. */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let scale = 0;
  for (let i = 0; i < b.length; i++) scale = Math.max(scale, Math.abs(b[i]));
  return largestDifference(a, b) / (scale || 1);
}
