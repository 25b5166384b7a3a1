/** @file What runs learnt from the clips they held out for calibration. */
import { type CalibrationSummary, probabilisticOf } from '../../evaluation/index.ts';
import { type ConformalResult, conformalResult, poolConformal } from '../../metrics/index.ts';
import type { FinishedRun } from './readRuns.ts';

/** Temperatures of all models; nothing where a run held no clips out. @param seeds the folds of each seed */
export function calibrationOf(seeds: readonly (readonly FinishedRun[])[]): {
  calibration?: CalibrationSummary;
} {
  const all = seeds.flat().map(({ result }) => result.calibration?.info);
  if (all.some((info) => info === undefined)) return {};
  const first = seeds[0].map(({ result }) => result.calibration!.info);
  return {
    calibration: {
      clips: first.reduce((sum, { clips }) => sum + clips, 0),
      groups: first.reduce((sum, { groups }) => sum + groups, 0),
      temperatures: all.map((info) => info!.temperature),
    },
  };
}

/** Prediction sets for the tested clips of one seed, each fold by its own calibration clips. */
export function conformalOf(folds: readonly FinishedRun[], alpha: number | undefined): ConformalResult[] {
  if (alpha === undefined || folds.some(({ result }) => result.calibration === undefined)) return [];
  return (['lac', 'aps'] as const).map((method) =>
    poolConformal(
      folds.map(({ result, predictions }) => ({
        items: predictions.rows.length,
        result: conformalResult(probabilisticOf(predictions), result.calibration!.info.scores[method], {
          alpha,
          method,
        }),
      })),
    ),
  );
}
