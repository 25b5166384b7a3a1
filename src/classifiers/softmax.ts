/** @file From scores to probabilities. */
import type { Matrix64 } from './matrix.ts';

/** 1 / (1 + e^−x), exact in both tails. */
export function logistic(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** e^x over its sum, row by row. */
export function softmaxRows({ data, rows, columns }: Matrix64): Matrix64 {
  const out = new Float64Array(data.length);
  for (let at = 0; at < data.length; at += columns) {
    let top = Number.NEGATIVE_INFINITY;
    for (let c = at; c < at + columns; c++) top = Math.max(top, data[c]);
    let sum = 0;
    for (let c = at; c < at + columns; c++) {
      out[c] = Math.exp(data[c] - top);
      sum += out[c];
    }
    for (let c = at; c < at + columns; c++) out[c] /= sum;
  }
  return { data: out, rows, columns };
}
