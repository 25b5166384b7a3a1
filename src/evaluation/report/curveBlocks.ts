/** @file The parts of a run's report that look behind the decision: curves over all thresholds, reliability. */
import { classAreas, meanArea, oneAgainstRest, precisionRecallCurve, rocCurve } from '../../metrics/index.ts';
import { classCurvesSvg } from '../../pictures/index.ts';
import { probabilisticOf } from '../predictionTable.ts';
import type { Block, GalleryBlock } from './document.ts';
import type { ReportPictures } from './reportPictures.ts';
import type { RunReport } from './runReport.ts';
import { percentText, plural } from './scoreText.ts';

/** Each class against the rest: ROC and precision-recall, with their areas. None where no class has both sides. */
export function curveBlocks({ predictions }: Pick<RunReport, 'predictions'>): Block[] {
  const probabilistic = probabilisticOf(predictions);
  const areas = classAreas(probabilistic);
  const items = areas.flatMap(
    ({ label, support, rocAuc, averagePrecision }): GalleryBlock['items'][number][] => {
      if (rocAuc === null || averagePrecision === null) return [];
      const scored = oneAgainstRest(probabilistic, label);
      const roc = rocCurve(scored);
      const { precision, recall } = precisionRecallCurve(scored);
      const svg = classCurvesSvg({
        roc: { x: roc.falsePositiveRate, y: roc.truePositiveRate },
        precisionRecall: { x: recall, y: precision },
        share: support / predictions.rows.length,
      });
      const numbers = `AUC ${rocAuc.toFixed(3)}, AP ${averagePrecision.toFixed(3)}`;
      return [
        {
          svg,
          alt: `ROC and precision-recall curve of ${label}: ${numbers}`,
          caption: [{ strong: label }, ` ${numbers}`],
        },
      ];
    },
  );
  if (items.length === 0) return [];
  const mean = (which: 'rocAuc' | 'averagePrecision') => meanArea(areas, which).toFixed(3);
  return [
    { kind: 'heading', text: 'Curves' },
    {
      kind: 'paragraph',
      content: [
        `Each class against the rest, over all thresholds. Mean over ${plural(items.length, 'class', 'classes')}: area under the ROC curve `,
        { strong: mean('rocAuc') },
        ', average precision ',
        { strong: mean('averagePrecision') },
        '. Blue: true over false positive rate (ROC, its area AUC). Orange: precision over recall (its mean AP). Dashed: what guessing gives.',
      ],
    },
    { kind: 'gallery', items },
  ];
}

/** Whether probabilities can be taken at their word. */
export function reliabilityBlocks({ evaluation }: RunReport, { reliability }: ReportPictures): Block[] {
  return [
    { kind: 'heading', text: 'Reliability' },
    {
      kind: 'paragraph',
      content: [
        `Of the clips classified with some confidence, the share that is right (bar) beside that confidence (tick). On average over clips they lie ${percentText(evaluation.calibrationError)} apart (expected calibration error, 15 bins); bars below their ticks are over-confidence.`,
      ],
    },
    {
      kind: 'picture',
      svg: reliability.svg,
      file: 'reliability.png',
      alt: 'Reliability diagram: share decided correctly by confidence, and how many clips have it',
    },
  ];
}
