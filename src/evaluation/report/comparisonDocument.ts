/** @file A comparison in the order it is read: who is ahead, how surely, at what cost, and where they differ. */
import { type WeightsOrigin, weightsAfterLabel, weightsOrigin } from '../../core/weightsOrigin.ts';
import type { ApproachResult, ComparedScore, ComparisonResult, ScoreName } from '../comparison/comparison.ts';
import { agreementBlocks } from './agreementBlocks.ts';
import { certaintyBlocks } from './certaintyBlocks.ts';
import { commandBlocks } from './closingBlocks.ts';
import type { Comparison, ComparisonPictures } from './comparisonPictures.ts';
import { dataBlocks } from './dataBlocks.ts';
import type { Block, Cell, Inline, ReportDocument, Table, Tone } from './document.ts';
import { leakBadge, leakBadges } from './leakBadge.ts';
import {
  countText,
  durationText,
  percentText,
  plural,
  pointsText,
  pText,
  scoreText,
  sizeText,
} from './scoreText.ts';
import { syntheticBadges } from './syntheticBadges.ts';

/** The document of a comparison. Picture files are expected beside it as accuracy.png and coverage.png. */
export function comparisonDocument(comparison: Comparison, pictures: ComparisonPictures): ReportDocument {
  const { result, dataset, versions, command, title, sounds = {}, soundRemark } = comparison;
  const { approaches, seed } = result;
  return {
    title,
    sounds,
    blocks: [
      { kind: 'lead', content: leadText(result) },
      { kind: 'badges', badges: badges(comparison) },
      {
        kind: 'picture',
        svg: pictures.accuracy.svg,
        file: 'accuracy.png',
        alt: 'Accuracy of each approach with its interval',
      },
      { kind: 'heading', text: 'Scores' },
      scoreTable(result, ['accuracy', 'macro f1-score', 'log-loss', 'calibration error']),
      { kind: 'paragraph', content: [howScored(result)] },
      {
        kind: 'details',
        summary: 'Precision, recall and F1, plain and weighted by support',
        blocks: [
          scoreTable(result, ['macro precision', 'macro recall', 'macro f1-score']),
          scoreTable(result, ['weighted precision', 'weighted recall', 'weighted f1-score']),
        ],
      },
      ...seedBlocks(approaches),
      ...foldBlocks(approaches),
      ...pairBlocks(result),
      ...leakBlocks(result),
      { kind: 'heading', text: 'Costs' },
      costTable(approaches),
      {
        kind: 'paragraph',
        content: [
          'Features and training in seconds of one seed, all folds together; features that lay in the cache took no time. Inference is the median for one clip through the finished model, waveform to probabilities.',
        ],
      },
      { kind: 'heading', text: 'F1 per class' },
      classTable(result, 'f1-score'),
      {
        kind: 'details',
        summary: 'Precision and recall per class',
        blocks: [
          { kind: 'paragraph', content: ['Precision: how often the class is right when it is said.'] },
          classTable(result, 'precision'),
          { kind: 'paragraph', content: ['Recall: how much of the class is found.'] },
          classTable(result, 'recall'),
        ],
      },
      ...certaintyBlocks(result, pictures),
      ...agreementBlocks(result, sounds, soundRemark),
      { kind: 'heading', text: 'What was compared' },
      settingsTable(approaches),
      ...dataBlocks(dataset, result.split),
      ...remarkBlocks(result),
      ...commandBlocks(command, [
        ['seed of splits and intervals', String(seed)],
        ['data fingerprint', dataset.fingerprint],
        ...Object.entries(versions),
      ]),
      ...reportBlocks(approaches),
    ],
  };
}

function leadText({ approaches, pairs, clips, groups }: ComparisonResult): Inline[] {
  const [best, next] = approaches;
  const { accuracy } = best!.scores;
  const content: Inline[] = [
    { strong: best!.name },
    ` classifies ${percentText(accuracy.value)} of ${plural(clips, 'test clip')} from ${plural(groups, 'recording')} correctly`,
  ];
  if (next === undefined) return [...content, '.'];
  const ahead = pairs.filter(({ first, pHolm }) => first === best!.name && pHolm !== null && pHolm <= 0.05);
  const clear = ahead.map(({ second }) => second);
  content.push(`, the best of ${approaches.length} approaches`);
  if (clear.length === approaches.length - 1) return [...content, '; its lead over every other is clear.'];
  const unclear = approaches.slice(1).filter(({ name }) => !clear.includes(name));
  return [
    ...content,
    `; its lead over ${listText(unclear.map(({ name }) => name))} is no larger than chance can make it.`,
  ];
}

function listText(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function badges({ dataset, result }: Comparison): { tone: Tone; text: string }[] {
  const { approaches, split, failures } = result;
  const list: { tone: Tone; text: string }[] = syntheticBadges(dataset.synthetic);
  if (split !== null && split.leak.clips > 0) {
    list.push({
      tone: 'warning',
      text: `Leak: ${percentText(split.leak.share)} of the test clips share their recording with training. The scores tell in part how well known recordings are recognised again.`,
    });
  } else if (split !== null) {
    list.push({
      tone: 'good',
      text: 'No test clip shares its recording with training, as far as recordings are known.',
    });
  }
  if (failures.length > 0) {
    list.push({ tone: 'warning', text: `${plural(failures.length, 'run')} failed; see the remarks below.` });
  }
  const origin = weightsText(approaches);
  if (origin !== null) list.push({ tone: 'note', text: origin });
  return list;
}

/** Who stands on random weights, and what the others stand on; null where nobody does. */
function weightsText(approaches: readonly ApproachResult[]): string | null {
  const of = (origin: WeightsOrigin) =>
    approaches.filter(({ weights }) => weightsOrigin(weights) === origin).map(({ name }) => name);
  const [random, untrained, pretrained] = [of('random'), of('untrained'), of('pretrained')];
  if (random.length + untrained.length === 0) return null;
  if (random.length === approaches.length)
    return 'All approaches started from random weights: nothing was learnt from other data beforehand.';
  const parts = [
    random.length === 0 ? '' : `${listText(random)} started from random weights`,
    untrained.length === 0 ? '' : `${listText(untrained)} used a network of random weights as it is`,
    pretrained.length === 0 ? '' : `${listText(pretrained)} used weights learnt on other data`,
  ].filter((part) => part !== '');
  return `${parts.join('; ')}${parts.length === 1 ? '.' : ': that difference is in the scores too.'}`;
}

function howScored({ clips, groups, resamples, level, approaches }: ComparisonResult): string {
  const seeds = Math.max(...approaches.map((approach) => approach.seeds.length));
  return (
    `${Math.round(100 * level)} % intervals in brackets, by bootstrap over ${plural(groups, 'recording')} ` +
    `(${countText(clips)} clips, ${countText(resamples)} resamples).` +
    (seeds > 1 ? ` Scores are means over ${seeds} seeds.` : '') +
    ' Log-loss and calibration error: lower is better; an interval of the calibration error lies somewhat high, as chance only ever adds to it.'
  );
}

function scoreTable({ approaches, split }: ComparisonResult, names: readonly ScoreName[]): Table {
  const cell = ({ value, interval }: ComparedScore): Cell => {
    const text = scoreText(value, interval);
    const [badge] = leakBadges(split);
    return badge === undefined ? text : [text, ' ', badge];
  };
  return {
    kind: 'table',
    head: ['approach', ...names.map((name) => name.replace('f1-score', 'F1'))],
    align: ['left', ...names.map(() => 'right' as const)],
    rows: approaches.map(({ name, scores }) => [name, ...names.map((score) => cell(scores[score]))]),
  };
}

function spread({ mean, deviation }: ComparedScore['seeds']): string {
  return deviation === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${deviation.toFixed(3)}`;
}

/** What another seed changes. */
function seedBlocks(approaches: readonly ApproachResult[]): Block[] {
  const most = Math.max(...approaches.map(({ seeds }) => seeds.length));
  if (most < 2) return [];
  const seeds = [...new Set(approaches.flatMap((approach) => approach.seeds))].sort((a, b) => a - b);
  return [
    { kind: 'heading', text: 'Seeds' },
    {
      kind: 'paragraph',
      content: [
        'Accuracy with each seed, and mean ± standard deviation: what luck in first weights and order is worth.',
      ],
    },
    {
      kind: 'table',
      head: ['approach', 'mean ± deviation', ...seeds.map((seed) => `seed ${seed}`)],
      align: ['left', 'right', ...seeds.map(() => 'right' as const)],
      rows: approaches.map(({ name, scores, seeds: own, perSeed }) => [
        name,
        spread(scores.accuracy.seeds),
        ...seeds.map((seed) => perSeed[own.indexOf(seed)]?.toFixed(3) ?? ''),
      ]),
    },
  ];
}

function foldBlocks(approaches: readonly ApproachResult[]): Block[] {
  const rows = approaches.flatMap(({ name, crossValidation, scores }) =>
    crossValidation === null ? [] : [{ name, crossValidation, pooled: scores.accuracy.value }],
  );
  const [first] = rows;
  if (first === undefined) return [];
  const { folds } = first.crossValidation;
  return [
    { kind: 'heading', text: 'Folds' },
    {
      kind: 'paragraph',
      content: [
        'Pooled: all test folds scored as one. Mean ± standard deviation is over folds, whose training sides overlap: a description, not the basis of a test.',
      ],
    },
    {
      kind: 'table',
      head: [
        'approach',
        'pooled accuracy',
        'mean ± deviation',
        'macro F1, mean ± deviation',
        ...folds.map(({ name }) => `fold ${name}`),
      ],
      align: ['left', 'right', 'right', 'right', ...folds.map(() => 'right' as const)],
      rows: rows.map(({ name, crossValidation, pooled }) => [
        name,
        pooled.toFixed(3),
        spread(crossValidation.accuracy),
        spread(crossValidation.macroF1),
        ...crossValidation.folds.map((fold) => fold.accuracy.toFixed(3)),
      ]),
    },
  ];
}

function pairBlocks({ pairs, level }: ComparisonResult): Block[] {
  if (pairs.length === 0) return [];
  const corrected = (p: number, pHolm: number) => `${pText(p)} (${pText(pHolm)})`;
  return [
    { kind: 'heading', text: 'Differences' },
    {
      kind: 'paragraph',
      content: [
        'Accuracy of the first minus that of the second, in points, on the same clips. The bootstrap draws recordings, for both at once; McNemar counts the clips that one alone got right and takes them as independent, so where recordings have several clips its p is too small. ',
        pairs.length === 1
          ? ''
          : `Holm's correction keeps the chance of a single false claim among these ${pairs.length} pairs at 5 %.`,
      ].filter((part) => part !== ''),
    },
    {
      kind: 'table',
      head: [
        'pair',
        'points',
        `${Math.round(100 * level)} % interval`,
        'p (Holm)',
        'right alone',
        'McNemar (Holm)',
        'clear',
      ],
      align: ['left', ...Array<'right'>(5).fill('right'), 'left'],
      rows: pairs.map(({ first, second, difference, interval: { low, high }, p, pHolm, mcnemar }) => [
        `${first} − ${second}`,
        pointsText(difference),
        low === null || high === null ? 'none' : `${pointsText(low)} to ${pointsText(high)}`,
        p === null || pHolm === null ? 'none' : corrected(p, pHolm),
        `${mcnemar.onlyFirst} : ${mcnemar.onlySecond}`,
        corrected(mcnemar.p, mcnemar.pHolm),
        pHolm !== null && pHolm <= 0.05 ? 'yes' : 'no',
      ]),
    },
  ];
}

function leakBlocks({ approaches, split }: ComparisonResult): Block[] {
  const leaking = approaches.flatMap(({ name, scores, leaking: random }) =>
    random === null ? [] : [{ name, honest: scores.accuracy, random }],
  );
  const [first] = leaking;
  if (first === undefined || split === null) return [];
  const { leak, trainClips, testClips, validationClips } = first.random.split;
  const overlap =
    leak.overlapping == null
      ? ''
      : `, and ${percentText(leak.overlapping / testClips)} overlap a training clip in time`;
  return [
    { kind: 'heading', text: 'What a leak is worth' },
    {
      kind: 'paragraph',
      content: [
        `The same clips and settings, divided at random: ${countText(trainClips + validationClips)} to train on, ${countText(testClips)} to test. ` +
          `${percentText(leak.share)} of these test clips come from a recording that is in training too (${plural(leak.groups, 'recording')})${overlap}. ` +
          `The other column is ${split.description}: ${leakText(split.leak.share)}.`,
      ],
    },
    {
      kind: 'table',
      head: ['approach', 'random split', 'by recording', 'inflation, points'],
      align: ['left', 'right', 'right', 'right'],
      rows: leaking.map(({ name, honest, random }) => [
        name,
        [scoreText(random.accuracy, random.interval), ' ', leakBadge],
        scoreText(honest.value, honest.interval),
        pointsText(random.accuracy - honest.value),
      ]),
    },
  ];
}

function leakText(share: number): string {
  return share === 0
    ? 'no test clip shares its recording with training'
    : `${percentText(share)} of its test clips share their recording with training`;
}

function costTable(approaches: readonly ApproachResult[]): Table {
  return {
    kind: 'table',
    head: ['approach', 'parameters', 'trained', 'model', 'features', 'training', 'inference'],
    align: ['left', ...Array<'right'>(6).fill('right')],
    rows: approaches.map(({ name, costs }) => [
      name,
      countText(costs.parameters),
      countText(costs.trainedParameters),
      sizeText(costs.artefactBytes),
      durationText(costs.featureSeconds),
      durationText(costs.trainingSeconds),
      costs.inferenceSeconds === null ? '' : `${(1000 * costs.inferenceSeconds).toFixed(1)} ms`,
    ]),
  };
}

/** What each approach is: settings beyond its own, and where its weights come from. */
function settingsTable(approaches: readonly ApproachResult[]): Table {
  return {
    kind: 'table',
    head: ['approach', 'network', 'weights', 'settings'],
    align: ['left', 'left', 'left', 'left'],
    rows: approaches.map(({ name, network, weights, settings }) => [
      name,
      network,
      weightsAfterLabel(weights),
      settings === '' ? '' : [{ code: settings }],
    ]),
  };
}

function classTable(
  { classes, approaches }: ComparisonResult,
  score: 'precision' | 'recall' | 'f1-score',
): Table {
  return {
    kind: 'table',
    head: ['class', 'clips', ...approaches.map(({ name }) => name)],
    align: ['left', 'right', ...approaches.map(() => 'right' as const)],
    rows: classes.map((label, c) => {
      const values = approaches.map(({ perClass }) => perClass[c][score]);
      const best = Math.max(...values);
      return [
        label,
        countText(approaches[0].perClass[c].support),
        ...values.map((value): Cell => {
          const text = value.toFixed(3);
          return value === best && values.length > 1 ? [{ strong: text }] : text;
        }),
      ];
    }),
  };
}

function remarkBlocks({ failures, notices }: ComparisonResult): Block[] {
  const all = [...failures, ...notices];
  if (all.length === 0) return [];
  return [
    { kind: 'heading', text: 'Remarks' },
    {
      kind: 'table',
      head: ['about', 'what'],
      align: ['left', 'left'],
      rows: all.map(({ subject, message }) => [subject, message]),
    },
  ];
}

function reportBlocks(approaches: readonly ApproachResult[]): Block[] {
  const reports = approaches.flatMap((approach) => approach.reports);
  if (reports.length === 0) return [];
  return [
    {
      kind: 'details',
      summary: `Reports of the ${plural(reports.length, 'run')}`,
      blocks: [{ kind: 'list', items: reports.map((report) => [{ link: report, text: report }]) }],
    },
  ];
}
