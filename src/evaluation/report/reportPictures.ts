/** @file The pictures of a run's report: confusion matrix, reliability diagram and training curves. */
import { reliabilityBins } from '../../metrics/index.ts';
import {
  type CurvePanel,
  confusionMatrixPicture,
  curvePicture,
  type Picture,
  reliabilityPicture,
} from '../../pictures/index.ts';
import { probabilisticOf } from '../predictionTable.ts';
import type { RunReport } from './runReport.ts';

export interface ReportPictures {
  readonly confusion: Picture;
  readonly reliability: Picture;
  /** Null where nothing finite was recorded. */
  readonly curves: Picture | null;
}

/** Draws them. Loss has a panel of its own, accuracy another; a series without a finite value is left out. */
export function reportPictures({ evaluation, predictions, history = [] }: RunReport): ReportPictures {
  const x = history.map((record) => record.epoch);
  const panel = (
    yLabel: string,
    training: readonly (number | null | undefined)[],
    validation: readonly (number | null | undefined)[],
  ): CurvePanel => ({
    yLabel,
    series: [
      { name: 'training', dashed: true, y: training },
      { name: 'validation', dashed: false, y: validation },
    ]
      .map((series) => ({ ...series, x, y: series.y.map((value) => value ?? null) }))
      .filter((series) => series.y.some((value) => value !== null && Number.isFinite(value))),
  });
  const loss = panel(
    'Loss',
    history.map((record) => record.trainLoss),
    history.map((record) => record.validationLoss),
  );
  const accuracy = panel(
    'Accuracy',
    history.map((record) => record.trainAccuracy),
    history.map((record) => record.validationAccuracy),
  );
  const panels = [loss, { ...accuracy, yRange: [0, 1] as const }].filter((one) => one.series.length > 0);
  return {
    confusion: confusionMatrixPicture(evaluation.confusion),
    reliability: reliabilityPicture(reliabilityBins(probabilisticOf(predictions))),
    curves: panels.length === 0 ? null : curvePicture(panels),
  };
}
