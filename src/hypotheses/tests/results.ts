/** @file What the tests find, as plain data. Accuracies and differences are shares of recordings in [0, 1]. */
import type { ClassifierName } from './decide.ts';

/** A value and its 95 % interval; null bounds where there is none. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

interface ResultBase {
  readonly id: string;
  readonly title: string;
  readonly deciding: boolean;
  readonly classifier?: ClassifierName;
  /** Before correction; of a family the smallest, corrected for the family's size. */
  readonly p: number;
  /** The smallest p that so few recordings can give. */
  readonly smallestP: number;
}

export interface ChanceResult extends ResultBase {
  readonly kind: 'chance';
  readonly features: string;
  readonly columns: number;
  readonly accuracy: Estimate;
  /** Accuracies with labels exchanged: mean, and the middle 95 %. */
  readonly null: { readonly mean: number; readonly low: number; readonly high: number };
  readonly permutations: number;
  /** Accuracy above the null's mean. */
  readonly effect: Estimate;
}

export interface PairedResult extends ResultBase {
  readonly kind: 'paired';
  readonly first: { readonly name: string; readonly columns: number; readonly accuracy: Estimate };
  readonly second: { readonly name: string; readonly columns: number; readonly accuracy: Estimate };
  /** First less second. */
  readonly effect: Estimate;
  /** Recordings that one alone got right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
}

export interface RankColumn {
  readonly name: string;
  readonly h: number;
  readonly degrees: number;
  readonly p: number;
  /** Corrected for the number of columns. */
  readonly corrected: number;
  readonly etaSquared: Estimate;
}

export interface RankResult extends ResultBase {
  readonly kind: 'ranks';
  readonly noun: string;
  readonly columns: readonly RankColumn[];
  /** Columns that differ after correction at 5 %. */
  readonly differing: number;
  /** The column with the largest η². */
  readonly best: number;
  /** Its η². */
  readonly effect: Estimate;
}

export interface AblationPart {
  readonly name: string;
  readonly accuracy: number;
  /** Whole less without. */
  readonly loss: Estimate;
  readonly onlyWhole: number;
  readonly onlyWithout: number;
  readonly p: number;
  /** Corrected for the number of parts. */
  readonly corrected: number;
  /** The loss of each class: recall with all parts less recall without this one. */
  readonly perClass: readonly number[];
}

export interface AblationResult extends ResultBase {
  readonly kind: 'ablation';
  readonly whole: { readonly name: string; readonly accuracy: Estimate };
  readonly parts: readonly AblationPart[];
  /** The part whose absence costs most. */
  readonly worst: number;
  readonly effect: Estimate;
}

export type TestResult = ChanceResult | PairedResult | RankResult | AblationResult;
