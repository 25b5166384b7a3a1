/** @file The part of a comparison on how far probabilities can be trusted: calibration, abstaining, prediction sets. */
import { type CoveragePoint, coverageAtAccuracy } from '../../metrics/index.ts';
import { reliabilityPicture } from '../../pictures/index.ts';
import type { ApproachResult, ComparisonResult } from '../comparison/comparison.ts';
import type { ComparisonPictures } from './comparisonPictures.ts';
import type { Block, Table } from './document.ts';
import { countText, percentText, scoreText } from './scoreText.ts';

/** Of the first seed of each approach. */
export function certaintyBlocks(result: ComparisonResult, { coverage }: ComparisonPictures): Block[] {
  const { approaches } = result;
  return [
    { kind: 'heading', text: 'Are the probabilities right?' },
    {
      kind: 'paragraph',
      content: [
        'Bars: how often an approach is right when it is so sure; orange ticks: how sure it was. Bars below their ticks are over-confidence. Below: the share of clips with that confidence.',
      ],
    },
    {
      kind: 'gallery',
      large: true,
      items: approaches.map(({ name, reliability, scores }) => ({
        svg: reliabilityPicture(reliability).svg,
        alt: `Reliability diagram of ${name}`,
        caption: [{ strong: name }, `: calibration error ${scores['calibration error'].value.toFixed(3)}`],
      })),
    },
    ...calibrationBlocks(approaches),
    { kind: 'heading', text: 'What abstaining gains' },
    {
      kind: 'picture',
      svg: coverage.svg,
      file: 'coverage.png',
      alt: 'Accuracy of the clips answered against their share',
    },
    coverageTable(approaches),
    {
      kind: 'paragraph',
      content: [
        'An approach may answer only where its largest probability reaches a threshold. The thresholds here are read off the test clips: they tell what is possible; for use, choose one on clips held out of training. Area under the risk-coverage curve: lower is better.',
      ],
    },
    ...conformalBlocks(approaches),
  ];
}

function calibrationBlocks(approaches: readonly ApproachResult[]): Block[] {
  const known = approaches.flatMap(({ name, calibration, scores }) =>
    calibration === null ? [] : [{ name, calibration, error: scores['calibration error'] }],
  );
  if (known.length === 0) return [];
  return [
    {
      kind: 'paragraph',
      content: [
        'Temperatures were fitted on clips held out of the training side, by recording, and are part of the models: above 1 they make them less sure.',
      ],
    },
    {
      kind: 'table',
      head: ['approach', 'temperature', 'calibration clips', 'recordings', 'calibration error'],
      align: ['left', 'right', 'right', 'right', 'right'],
      rows: known.map(({ name, calibration, error }) => [
        name,
        calibration.temperatures.map((t) => t.toFixed(2)).join(', '),
        countText(calibration.clips),
        countText(calibration.groups),
        scoreText(error.value, error.interval),
      ]),
    },
  ];
}

function coverageTable(approaches: readonly ApproachResult[]): Table {
  const targets = [0.9, 0.95];
  const at = (point: CoveragePoint | null) =>
    point === null ? 'never' : `${percentText(point.coverage)} (≥ ${point.threshold.toFixed(2)})`;
  const half = (curve: readonly CoveragePoint[]) => curve.find(({ coverage }) => coverage >= 0.5);
  return {
    kind: 'table',
    head: [
      'approach',
      'area',
      'accuracy of the surest half',
      ...targets.map((target) => `answered at ${percentText(target)}`),
    ],
    align: ['left', 'right', 'right', 'right', 'right'],
    rows: approaches.map(({ name, coverage: { area, curve } }) => [
      name,
      area.toFixed(3),
      half(curve)?.accuracy.toFixed(3) ?? '',
      ...targets.map((target) => at(coverageAtAccuracy(curve, target))),
    ]),
  };
}

function conformalBlocks(approaches: readonly ApproachResult[]): Block[] {
  const rows = approaches.flatMap(({ name, conformal }) => conformal.map((set) => ({ name, ...set })));
  const [first] = rows;
  if (first === undefined) return [];
  return [
    { kind: 'heading', text: 'Sets instead of single answers' },
    {
      kind: 'paragraph',
      content: [
        `Split-conformal prediction: each clip gets the set of classes that fit well enough; the true one should be missing from at most ${percentText(first.alpha)} of the sets. Thresholds come from calibration clips held out of the training side. The promise holds where those and the tested clips are alike; other recordings are not quite, so look at the coverage reached.`,
      ],
    },
    {
      kind: 'table',
      head: ['approach', 'sets', 'coverage', 'mean size', 'with one class', 'empty', 'calibration clips'],
      align: ['left', 'left', ...Array<'right'>(5).fill('right')],
      rows: rows.map(({ name, method, coverage, meanSize, single, empty, calibrationItems }) => [
        name,
        method.toUpperCase(),
        percentText(coverage),
        meanSize.toFixed(2),
        percentText(single),
        percentText(empty),
        countText(calibrationItems),
      ]),
    },
  ];
}
