/** @file The report of the hypotheses in the order it is read: verdicts, how they came about, each with its numbers. */
import {
  type Block,
  type Cell,
  clipNoticeBlocks,
  countText,
  durationText,
  type Inline,
  percentText,
  plural,
  type ReportDocument,
  repeatBlocks,
  type Table,
  type Tone,
} from '../../evaluation/index.ts';
import { measureSettings } from '../measure/clipMeasures.ts';
import { testClassifiers } from '../tests/decide.ts';
import type { AblationResult, RankResult, TestResult } from '../tests/results.ts';
import type { JudgedHypothesis, JudgedTest, VerdictWord } from '../verdict.ts';
import type { HypothesesReport } from './hypothesesReport.ts';
import type { NamedPicture } from './hypothesisPictures.ts';
import {
  countsSentence,
  etaText,
  pNumber,
  points,
  pointsRange,
  testSentence,
  verdictSentence,
} from './sentences.ts';

/** @param pictures of each hypothesis, in their order; their files are expected beside the report */
export function hypothesesDocument(
  report: HypothesesReport,
  pictures: readonly (readonly NamedPicture[])[],
): ReportDocument {
  const { found, dataset, failures, quick, seed, command, versions, depth } = report;
  const { judged } = found;
  return {
    title: report.title,
    blocks: [
      { kind: 'lead', content: [{ strong: countsSentence(judged) }] },
      { kind: 'badges', badges: badges(report) },
      verdictTable(judged),
      { kind: 'heading', text: 'How it was tested' },
      ...methodBlocks(report),
      ...judged.flatMap((one, i) => hypothesisBlocks(one, found.forest[i], pictures[i])),
      ...dataBlocks(report),
      ...clipNoticeBlocks({ failures, notices: report.notices }),
      ...repeatBlocks({
        ...{ command, versions, seed },
        fingerprint: dataset.fingerprint,
        config: { measures: measureSettings, depth, quick, folds: report.table.foldSource },
      }),
    ],
  };
}

function badges({ dataset, failures, quick }: HypothesesReport): { tone: Tone; text: string }[] {
  const list: { tone: Tone; text: string }[] = [
    {
      tone: 'good',
      text: 'No recording is on both sides of any classification, as far as recordings are known.',
    },
  ];
  if (dataset.synthetic) {
    list.unshift({
      tone: 'warning',
      text: 'Synthetic data: these sounds were computed, not recorded. The verdicts show that the program works; what they say is how the sounds were made.',
    });
  }
  if (quick) {
    list.push({
      tone: 'note',
      text: 'A quick answer: at most three clips of each recording and 400 recordings, fewer permutations and resamples, one classifier.',
    });
  }
  if (failures.length > 0) {
    list.push({
      tone: 'warning',
      text: `${plural(failures.length, 'clip')} could not be used; the list is below.`,
    });
  }
  return list;
}

const tones: Readonly<Record<VerdictWord, Tone>> = {
  supported: 'good',
  'supported in part': 'note',
  contradicted: 'warning',
  undecidable: 'warning',
  'not shown': 'warning',
};

function verdictTable(judged: readonly JudgedHypothesis[]): Table {
  return {
    kind: 'table',
    head: ['hypothesis', 'verdict', 'deciding tests'],
    align: ['left', 'left', 'right'],
    rows: judged.map(({ hypothesis, verdict, tests }) => {
      const deciding = tests.filter(({ result }) => result.deciding);
      const held = deciding.filter(({ direction }) => direction === 'for').length;
      return [
        `${hypothesis.number}. ${hypothesis.title}`,
        [{ badge: verdict, tone: tones[verdict] }],
        `${held} of ${deciding.length} as claimed`,
      ];
    }),
  };
}

function methodBlocks({ table, depth, seed, found }: HypothesesReport): Block[] {
  const deciding = found.judged.flatMap(({ tests }) => tests.filter(({ result }) => result.deciding)).length;
  const linear = testClassifiers['logistic regression'].settings;
  const forest =
    depth.forestPermutations > 0
      ? ` A random forest (${testClassifiers['random forest'].settings}) repeats the same tests and decides nothing.`
      : '';
  return [
    {
      kind: 'list',
      items: [
        [
          { strong: 'Recordings are the units. ' },
          `Clips of one recording are averaged, so that each of the ${plural(table.recordings.length, 'recording')} counts once, in what is learnt, in every test and in every interval. A recording with clips of two classes counts once in each.`,
        ],
        [
          { strong: 'Classification ' },
          `is by logistic regression (${linear}; fixed beforehand), tested on ${table.foldSource}: nothing of a recording that is tested was learnt from.${forest}`,
        ],
        [
          { strong: 'Against chance, ' },
          `labels are exchanged between recordings within each fold ${countText(depth.permutations)} times, and everything is learnt anew; p is the share of these that reach the accuracy, the observed one counted in.`,
        ],
        [
          { strong: 'Of two kinds of features ' },
          'on the same recordings, McNemar’s exact test compares which recordings one alone got right; the difference has a paired bootstrap interval over recordings ' +
            `(${countText(depth.resamples)} resamples).`,
        ],
        [
          { strong: 'Single numbers ' },
          'are compared between classes by Kruskal and Wallis’s test; η² is the share of the ranks’ variance between classes, 0 where there is nothing, with a jackknife interval over recordings. Within a family (bands, numbers, regions) p-values are corrected by Holm’s method, and the smallest stands for the family.',
        ],
        [
          { strong: 'Correction. ' },
          `The ${deciding} deciding tests of all hypotheses are one family, corrected by Holm’s method: below 0.05 in the claimed direction counts as claimed. The other tests are a family of their own and decide nothing. Seed ${seed}.`,
        ],
      ],
    },
  ];
}

function hypothesisBlocks(
  judged: JudgedHypothesis,
  forest: readonly TestResult[],
  pictures: readonly NamedPicture[],
): Block[] {
  const { hypothesis, verdict, tests } = judged;
  const deciding = tests.filter(({ result }) => result.deciding);
  const others = tests.filter(({ result }) => !result.deciding);
  return [
    { kind: 'heading', text: `Hypothesis ${hypothesis.number}: ${hypothesis.title}` },
    { kind: 'paragraph', content: [{ strong: 'Claim. ' }, hypothesis.claim] },
    {
      kind: 'paragraph',
      content: [{ badge: verdict, tone: tones[verdict] }, ' ', { strong: verdictSentence(judged) }],
    },
    { kind: 'list', items: deciding.map((test): Inline[] => [testSentence(test)]) },
    testTable(tests),
    ...pictures.map(({ file, alt, picture }): Block => ({ kind: 'picture', svg: picture.svg, file, alt })),
    ...(others.length === 0
      ? []
      : [
          { kind: 'paragraph' as const, content: ['Beside the verdict:'] },
          { kind: 'list' as const, items: others.map((test): Inline[] => [testSentence(test)]) },
        ]),
    { kind: 'paragraph', content: [{ strong: 'What this cannot tell. ' }, hypothesis.limits] },
    ...forestBlocks(tests, forest),
    ...tests.flatMap(({ result }) =>
      result.kind === 'ranks'
        ? [rankDetails(result)]
        : result.kind === 'ablation'
          ? [partDetails(result)]
          : [],
    ),
  ];
}

const testHead = ['test', 'found', 'effect', '95 % interval', 'p', 'corrected', 'outcome'];
const testAlign = ['left', 'left', 'right', 'right', 'right', 'right', 'left'] as const;

function testTable(tests: readonly JudgedTest[]): Table {
  return {
    kind: 'table',
    head: testHead,
    align: testAlign,
    rows: tests.map(({ result, corrected, direction }): Cell[] => [
      result.title,
      ...numbers(result),
      pNumber(result.p),
      pNumber(corrected),
      result.deciding
        ? [{ badge: outcome[direction], tone: direction === 'for' ? 'good' : 'warning' }]
        : `${outcome[direction]} (not deciding)`,
    ]),
  };
}

const outcome = { for: 'as claimed', against: 'against', open: 'open' } as const;

/** Found, effect and interval. */
function numbers(result: TestResult): [found: string, effect: string, interval: string] {
  const interval = pointsRange(result.effect);
  switch (result.kind) {
    case 'chance':
      return [
        `${percentText(result.accuracy.value)}, exchanged ${percentText(result.null.mean)}`,
        `${points(result.effect.value)} points`,
        interval,
      ];
    case 'paired':
      return [
        `${percentText(result.first.accuracy.value)} with ${plural(result.first.columns, 'number')}, ` +
          `${percentText(result.second.accuracy.value)} with ${countText(result.second.columns)}`,
        `${points(result.effect.value)} points`,
        interval,
      ];
    case 'ablation':
      return [
        `${percentText(result.whole.accuracy.value)}; without ${result.parts[result.worst].name} ${percentText(result.parts[result.worst].accuracy)}`,
        `${points(result.effect.value)} points`,
        interval,
      ];
    case 'ranks': {
      const { value, low, high } = result.effect;
      return [
        `${result.differing} of ${result.columns.length} differ, most ${result.columns[result.best].name}`,
        `η² ${Math.max(0, value).toFixed(3)}`,
        low === null || high === null ? 'none' : `${low.toFixed(3)} to ${high.toFixed(3)}`,
      ];
    }
  }
}

function forestBlocks(tests: readonly JudgedTest[], forest: readonly TestResult[]): Block[] {
  if (forest.length === 0) return [];
  const same = forest.filter((one) => {
    const linear = tests.find(({ result }) => result.id === one.id)!.result;
    return one.effect.value > 0 === linear.effect.value > 0;
  }).length;
  return [
    {
      kind: 'details',
      summary: `The same by a random forest: ${same} of ${forest.length} point the same way`,
      blocks: [
        {
          kind: 'table',
          head: testHead.slice(0, 5),
          align: testAlign.slice(0, 5),
          rows: forest.map((result) => [result.title, ...numbers(result), pNumber(result.p)]),
        },
      ],
    },
  ];
}

function rankDetails({ title, columns, noun }: RankResult): Block {
  return {
    kind: 'details',
    summary: `${title}: every ${noun}`,
    blocks: [
      {
        kind: 'table',
        head: [noun, 'H', 'degrees', 'p', 'corrected', 'η² [95 %]'],
        align: ['left', 'right', 'right', 'right', 'right', 'right'],
        rows: columns.map(({ name, h, degrees, p, corrected, etaSquared }) => [
          name,
          h.toFixed(1),
          String(degrees),
          pNumber(p),
          pNumber(corrected),
          etaText(etaSquared),
        ]),
      },
    ],
  };
}

function partDetails({ title, parts }: AblationResult): Block {
  return {
    kind: 'details',
    summary: `${title}: every region`,
    blocks: [
      {
        kind: 'table',
        head: [
          'without',
          'accuracy',
          'lost',
          '95 % interval',
          'right only with',
          'only without',
          'p',
          'corrected',
        ],
        align: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
        rows: parts.map(({ name, accuracy, loss, onlyWhole, onlyWithout, p, corrected }) => [
          name,
          percentText(accuracy),
          points(loss.value),
          pointsRange(loss),
          countText(onlyWhole),
          countText(onlyWithout),
          pNumber(p),
          pNumber(corrected),
        ]),
      },
    ],
  };
}

function dataBlocks({ dataset, table, durations, startedAt }: HypothesesReport): Block[] {
  const { recordings, classes, positions } = table;
  const measured = recordings.reduce((sum, { clips }) => sum + clips, 0);
  const stages = Object.entries(durations).map(([stage, seconds]) => `${stage} ${durationText(seconds)}`);
  const row = (name: string, keep: (c: number) => boolean) => {
    const own = recordings.filter((_, i) => keep(positions[i]));
    return [name, countText(own.length), countText(own.reduce((sum, { clips }) => sum + clips, 0))];
  };
  return [
    { kind: 'heading', text: 'Data' },
    {
      kind: 'paragraph',
      content: [
        { strong: dataset.name },
        ` (${dataset.kind}): ${plural(dataset.clips, 'clip')}, of which ${countText(measured)} were measured, from ${plural(recordings.length, 'recording')} of ${plural(classes.length, 'class', 'classes')}. ${dataset.groupSource} Started ${startedAt}; ${stages.join(', ')}.`,
      ],
    },
    {
      kind: 'table',
      head: ['class', 'recordings', 'clips'],
      align: ['left', 'right', 'right'],
      rows: [...classes.map((label, c) => row(label, (own) => own === c)), row('all', () => true)],
      summaryRows: 1,
    },
  ];
}
