/** @file A run's report in the order it is read: what was done, on what data, with what result, and how to repeat it. */
import { type WeightsOrigin, weightsAfterLabel, weightsOrigin } from '../../core/weightsOrigin.ts';
import { classScores, type Evaluation } from '../evaluation.ts';
import { confusionBlocks, errorBlocks } from './clipBlocks.ts';
import { clipNoticeBlocks, repeatBlocks } from './closingBlocks.ts';
import { curveBlocks, reliabilityBlocks } from './curveBlocks.ts';
import { dataBlocks } from './dataBlocks.ts';
import type { Block, Cell, Inline, ReportDocument, Table, Tone } from './document.ts';
import { leakBadges } from './leakBadge.ts';
import type { ReportPictures } from './reportPictures.ts';
import type { RunReport } from './runReport.ts';
import {
  countText,
  durationText,
  percentRange,
  percentText,
  plural,
  scoreText,
  sizeText,
} from './scoreText.ts';
import { syntheticBadges } from './syntheticBadges.ts';

/** The document of a run. Picture files are expected beside it as confusion.png, reliability.png and curves.png. */
export function runDocument(report: RunReport, pictures: ReportPictures): ReportDocument {
  const { evaluation } = report;
  return {
    title: report.title,
    sounds: Object.fromEntries(report.media?.sounds ?? []),
    blocks: [
      { kind: 'lead', content: verdict(evaluation) },
      { kind: 'badges', badges: badges(report) },
      { kind: 'paragraph', content: whatWasDone(report) },
      ...dataBlocks(report.dataset, evaluation.split),
      { kind: 'heading', text: 'Results' },
      ...resultBlocks(evaluation),
      { kind: 'heading', text: 'Per class' },
      perClassTable(evaluation),
      { kind: 'heading', text: 'Confusion' },
      ...confusionBlocks(report, pictures.confusion.svg),
      ...curveBlocks(report),
      ...reliabilityBlocks(report, pictures),
      ...trainingBlocks(report, pictures),
      { kind: 'heading', text: 'Worst errors' },
      ...errorBlocks(report),
      ...clipNoticeBlocks(report),
      ...repeatBlocks({ ...report, fingerprint: report.dataset.fingerprint }),
    ],
  };
}

/** One sentence: the score, its uncertainty, and what guessing would reach. */
export function verdict(evaluation: Evaluation): Inline[] {
  const { accuracy, clips, groups, intervals, split } = evaluation;
  const range = percentRange(intervals.accuracy);
  const level = Math.round(100 * intervals.accuracy.level);
  const frequent = Math.max(...classScores(evaluation).map(({ scores }) => scores.support)) / clips;
  const content: Inline[] = [
    { strong: `${percentText(accuracy)} of ${plural(clips, 'test clip')}` },
    ...leakBadges(evaluation.split).flatMap((badge): Inline[] => [' ', badge]),
    ` ${clips === 1 ? 'is' : 'are'} classified correctly`,
    range === null ? '' : ` (${level} % interval ${range}, over ${plural(groups, 'recording')})`,
    `; always answering the most frequent class would get ${percentText(frequent)}.`,
  ];
  if (split !== null && split.leak.clips > 0) {
    content.push(
      ` But ${percentText(split.leak.share)} of the test clips come from recordings that are also in training, ` +
        'so expect less on new recordings.',
    );
  }
  return content.filter((part) => part !== '');
}

function badges({ dataset, evaluation, network, failures }: RunReport): { tone: Tone; text: string }[] {
  const list: { tone: Tone; text: string }[] = [];
  const { split } = evaluation;
  if (split !== null && split.leak.clips > 0) {
    list.push({
      tone: 'warning',
      text:
        `Leak: ${countText(split.leak.clips)} of ${plural(split.testClips, 'test clip')} ` +
        `(${percentText(split.leak.share)}) share ${plural(split.leak.groups, 'recording')} with training. ` +
        'The score tells in part how well known recordings are recognised again.',
    });
  } else if (split !== null) {
    list.push({
      tone: 'good',
      text: 'No test clip shares its recording with training, as far as recordings are known.',
    });
  }
  list.push(...syntheticBadges(dataset.synthetic));
  const origin = weightsOrigin(network.weights);
  if (origin === 'random') {
    list.push({
      tone: 'note',
      text: 'Trained from random weights: nothing was learnt from other data beforehand.',
    });
  }
  if (origin === 'untrained') list.push({ tone: 'warning', text: network.weights });
  if (failures.length > 0) {
    list.push({
      tone: 'warning',
      text: `${plural(failures.length, 'file')} could not be used; they are listed below.`,
    });
  }
  for (const { subject, message } of evaluation.notices)
    list.push({ tone: 'note', text: `${subject}: ${message}` });
  return list;
}

function whatWasDone({ approach, network, startedAt, durations, artefact }: RunReport): Inline[] {
  const trained =
    network.trainedParameters !== undefined && network.trainedParameters < network.parameters
      ? `, of which ${countText(network.trainedParameters)} were trained`
      : '';
  const said: Record<WeightsOrigin, string> = {
    none: '. ',
    random: ', from random weights. ',
    untrained: `. ${network.weights} `,
    pretrained: `. Weights: ${weightsAfterLabel(network.weights).replace(/\.$/, '')}. `,
  };
  const total = Object.values(durations).reduce((a, b) => a + b, 0);
  const stages = Object.entries(durations).map(([stage, seconds]) => `${stage} ${durationText(seconds)}`);
  const content: Inline[] = [
    'Approach ',
    { strong: approach },
    `: ${network.name} with ${plural(network.parameters, 'parameter')}${trained}${said[weightsOrigin(network.weights)]}Started ${startedAt}`,
    stages.length === 0 ? '. ' : `, took ${durationText(total)} (${stages.join(', ')}). `,
  ];
  if (artefact !== undefined) {
    const parity =
      artefact.parityDifference === null
        ? ''
        : ` Its probabilities differ from the training pipeline's by at most ${artefact.parityDifference.toExponential(1)}.`;
    content.push(
      'The classifier is ',
      { code: artefact.file },
      ` (${sizeText(artefact.bytes)}; waveform at ${countText(artefact.sampleRate)} Hz in windows of ` +
        `${artefact.windowSeconds} s in, probabilities and embedding out).${parity}`,
    );
  }
  return content.filter((part) => part !== '');
}

function resultBlocks(evaluation: Evaluation): Block[] {
  const { intervals } = evaluation;
  const level = `${Math.round(100 * intervals.accuracy.level)} % interval`;
  const leaks = leakBadges(evaluation.split);
  const marked = (value: string): Cell => (leaks.length === 0 ? value : [`${value} `, ...leaks]);
  const row = (name: string, value: number, interval: typeof intervals.accuracy): Cell[] => [
    name,
    marked(value.toFixed(3)),
    interval.low === null ? 'none' : scoreText(value, interval).slice(value.toFixed(3).length + 1),
  ];
  const averages = (['macro avg', 'weighted avg'] as const).flatMap((average) =>
    (['precision', 'recall', 'f1-score'] as const).map((score) =>
      row(`${average.replace(' avg', '')} ${score}`, evaluation[average][score], intervals[average][score]),
    ),
  );
  const topK = Object.keys(evaluation.topK)
    .filter((k) => k !== '1')
    .map((k) => row(`top-${k} accuracy`, evaluation.topK[k], intervals.topK[k]));
  const { method, resamples, seed, groups } = intervals.accuracy;
  const blocks: Block[] = [
    {
      kind: 'table',
      head: ['score', 'value', level],
      align: ['left', 'right', 'right'],
      rows: [
        row('accuracy', evaluation.accuracy, intervals.accuracy),
        ...averages,
        ...topK,
        row('log-loss (nats, lower is better)', evaluation.logLoss, intervals.logLoss),
        ['Brier score (lower is better)', marked(evaluation.brierScore.toFixed(3)), ''],
        ['expected calibration error', marked(evaluation.calibrationError.toFixed(3)), ''],
      ],
    },
    {
      kind: 'paragraph',
      content: [
        `Intervals: ${method} (${plural(groups, 'recording')}, ${countText(resamples)} resamples, seed ${seed}). They tell ` +
          'how far the score could lie elsewhere with other test recordings; that another training run gives another ' +
          'model is not in them.',
      ],
    },
  ];
  const { crossValidation } = evaluation;
  if (crossValidation !== undefined) {
    const { accuracy, macroF1, folds } = crossValidation;
    const spread = ({ mean, deviation }: typeof accuracy) =>
      deviation === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${deviation.toFixed(3)}`;
    blocks.push(
      {
        kind: 'paragraph',
        content: [
          'The scores above are of all folds pooled. Over folds: accuracy ',
          { strong: spread(accuracy) },
          ', macro F1 ',
          { strong: spread(macroF1) },
          ' (mean ± standard deviation).',
        ],
      },
      {
        kind: 'table',
        head: ['test fold', 'clips', 'accuracy', 'macro F1'],
        align: ['left', 'right', 'right', 'right'],
        rows: [
          ...folds.map((fold) => [
            fold.name,
            countText(fold.clips),
            fold.accuracy.toFixed(3),
            fold.macroF1.toFixed(3),
          ]),
          ['mean ± deviation', countText(evaluation.clips), spread(accuracy), spread(macroF1)],
        ],
        summaryRows: 1,
      },
    );
  }
  return blocks;
}

function perClassTable(evaluation: Evaluation): Table {
  const leaks = leakBadges(evaluation.split);
  const badge: Inline[] = leaks.length === 0 ? [] : [' ', ...leaks];
  const cells = (scores: Evaluation['macro avg']) => [
    scores.precision.toFixed(3),
    scores.recall.toFixed(3),
    scores['f1-score'].toFixed(3),
    countText(scores.support),
  ];
  return {
    kind: 'table',
    head: ['class', 'precision', 'recall', 'F1', 'clips'],
    align: ['left', 'right', 'right', 'right', 'right'],
    rows: [
      ...classScores(evaluation).map(({ name, scores }) => [name, ...cells(scores)]),
      ['accuracy', '', '', [evaluation.accuracy.toFixed(3), ...badge], countText(evaluation.clips)],
      ['macro average', ...cells(evaluation['macro avg'])],
      ['weighted average', ...cells(evaluation['weighted avg'])],
    ],
    summaryRows: 3,
  };
}

function trainingBlocks({ history, bestEpoch }: RunReport, { curves }: ReportPictures): Block[] {
  if (history === undefined || history.length === 0) return [];
  const last = history.at(-1)!;
  const kept = bestEpoch === undefined ? '' : ` The weights of epoch ${bestEpoch} were kept.`;
  const number = (value: number | null | undefined, digits: number) =>
    value === null || value === undefined ? '' : value.toFixed(digits);
  return [
    { kind: 'heading', text: 'Training' },
    {
      kind: 'paragraph',
      content: [
        `${plural(history.length, 'epoch')}; the last training loss was ${last.trainLoss.toFixed(4)}.${kept}`,
      ],
    },
    ...(curves === null
      ? []
      : [
          {
            kind: 'picture' as const,
            svg: curves.svg,
            file: 'curves.png',
            alt: 'Loss and accuracy by epoch',
          },
        ]),
    {
      kind: 'details',
      summary: 'Every epoch',
      blocks: [
        {
          kind: 'table',
          head: [
            'epoch',
            'training loss',
            'validation loss',
            'validation accuracy',
            'learning rate',
            'seconds',
          ],
          align: Array<'right'>(6).fill('right'),
          rows: history.map((epoch) => [
            String(epoch.epoch),
            epoch.trainLoss.toFixed(4),
            number(epoch.validationLoss, 4),
            number(epoch.validationAccuracy, 3),
            epoch.learningRate === undefined ? '' : epoch.learningRate.toPrecision(3),
            number(epoch.seconds, 1),
          ]),
        },
      ],
    },
  ];
}
