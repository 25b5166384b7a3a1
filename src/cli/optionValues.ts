/** @file Reads option values from text; what is wrong is told with what was expected. */
import { InvalidArgumentError, Option } from 'commander';
import { didYouMean } from './suggest.ts';

export interface Range {
  min?: number;
  max?: number;
  /** `min` itself is not allowed. */
  above?: boolean;
}

function inWords({ min, max, above }: Range): string {
  const low = min === undefined ? '' : above ? ` above ${min}` : ` of at least ${min}`;
  const high = max === undefined ? '' : `${low === '' ? '' : ' and'} at most ${max}`;
  return `${low}${high === '' ? '' : ` ${high.trim()}`}`;
}

function within(
  value: number,
  { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, above }: Range,
) {
  return value <= max && (above ? value > min : value >= min);
}

/** A number in a range. */
export function number(range: Range = {}): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || !within(value, range)) {
      throw new InvalidArgumentError(`It must be a number${inWords(range)}.`);
    }
    return value;
  };
}

/** A whole number in a range. */
export function wholeNumber(range: Range = {}): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isSafeInteger(value) || !within(value, range)) {
      throw new InvalidArgumentError(`It must be a whole number${inWords(range)}.`);
    }
    return value;
  };
}

/** Whole numbers ≥ 0 such as `1,3,5-8`, ascending and each once. */
export function folds(text: string): number[] {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?$/.exec(part);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (match === null || to < from || to - from > 1000) {
      throw new InvalidArgumentError('It must be fold numbers such as 1,2 or 1-9.');
    }
    for (let fold = from; fold <= to; fold++) found.add(fold);
  }
  return [...found].sort((a, b) => a - b);
}

/** Two numbers `low,high` with low ≤ high. */
export function interval(text: string): [number, number] {
  const parts = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (parts.length !== 2 || !parts.every(Number.isFinite) || parts[0] > parts[1]) {
    throw new InvalidArgumentError('It must be two numbers low,high with low not above high, such as 5,30.');
  }
  return [parts[0], parts[1]];
}

/** Two numbers `low,high` with low < high. */
export function risingPair(text: string): [number, number] {
  const [low, high] = interval(text);
  if (low === high) throw new InvalidArgumentError('It must be two numbers, the first below the second.');
  return [low, high];
}

/** Numbers separated by commas. */
export function numbers(text: string): number[] {
  const parts = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!parts.every(Number.isFinite))
    throw new InvalidArgumentError('It must be numbers separated by commas, such as 0.485,0.456,0.406.');
  return parts;
}

/** What is trained: `head`, `last-stage`, `all`, or `last:N` with a whole number N. */
export function trainablePart(text: string): 'head' | 'last-stage' | 'all' | `last:${number}` {
  if (text === 'head' || text === 'last-stage' || text === 'all') return text;
  const last = /^last:(\d{1,6})$/.exec(text);
  if (last === null) {
    throw new InvalidArgumentError(
      `It must be head, last-stage, all, or last:N such as last:8.${didYouMean(text, ['head', 'last-stage', 'all'])}`,
    );
  }
  return `last:${Number(last[1])}`;
}

/** Names separated by commas. */
export function names(text: string): string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.some((name) => name === ''))
    throw new InvalidArgumentError('It must be names separated by commas.');
  return [...new Set(list)];
}

/** An option that takes one of some words, with a guess at the one meant. */
export function choiceOption<T extends string>(
  flags: string,
  description: string,
  choices: readonly T[],
): Option {
  return new Option(flags, description).choices(choices).argParser((text: string): T => {
    if ((choices as readonly string[]).includes(text)) return text as T;
    throw new InvalidArgumentError(`It must be one of ${choices.join(', ')}.${didYouMean(text, choices)}`);
  });
}
