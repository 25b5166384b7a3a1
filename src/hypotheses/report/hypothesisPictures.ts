/** @file The pictures of each hypothesis: what its tests compared, and where the classes differ. */
import { curvePicture, heatMapPicture, intervalPicture, type Picture } from '../../pictures/index.ts';
import { bandCentres, hertz, relative } from '../features.ts';
import type { RecordingTable } from '../recordings.ts';
import type { AblationResult, RankResult, TestResult } from '../tests/results.ts';
import type { JudgedHypothesis } from '../verdict.ts';
import { points } from './sentences.ts';

export interface NamedPicture {
  /** Where it lies as a file beside the report. */
  readonly file: string;
  readonly alt: string;
  readonly picture: Picture;
}

/** All pictures of a hypothesis, in the order they are shown. */
export function hypothesisPictures(judged: JudgedHypothesis, table: RecordingTable): NamedPicture[] {
  const { number } = judged.hypothesis;
  const results = judged.tests.map(({ result }) => result);
  const pictures: NamedPicture[] = [];
  const accuracies = accuracyRows(results);
  if (accuracies.length > 0) {
    pictures.push({
      file: `hypothesis-${number}-accuracy.png`,
      alt: `Hypothesis ${number}: accuracy of what was compared, with 95 % intervals over recordings`,
      picture: intervalPicture(accuracies, {
        xLabel: 'Share of recordings classified correctly',
        legend: { main: '95 % interval', chance: 'labels exchanged (95 %)' },
        format: (value) => value.toFixed(3),
      }),
    });
  }
  if (number === 1) {
    pictures.push({
      file: 'hypothesis-1-spectra.png',
      alt: 'Mean spectrum of each class over mel bands, in decibels above or below the mean of the classes',
      picture: spectraPicture(table),
    });
  }
  for (const result of results) {
    if (result.kind === 'ranks') pictures.push(ranksPicture(result, number));
    if (result.kind === 'ablation') pictures.push(...ablationPictures(result, table, number));
  }
  return pictures;
}

/** Each set of features once, in the order of the tests. */
function accuracyRows(results: readonly TestResult[]) {
  const rows = new Map<string, Parameters<typeof intervalPicture>[0][number]>();
  for (const result of results) {
    if (result.kind === 'chance') {
      const { low, high } = result.null;
      rows.set(result.features, { name: result.features, main: result.accuracy, chance: { low, high } });
    } else if (result.kind === 'paired') {
      for (const { name, accuracy } of [result.first, result.second]) {
        if (!rows.has(name)) rows.set(name, { name, main: accuracy });
      }
    } else if (result.kind === 'ablation' && !rows.has(result.whole.name)) {
      rows.set(result.whole.name, { name: result.whole.name, main: result.whole.accuracy });
    }
  }
  return [...rows.values()];
}

/** What each class has more or less of than the classes on average. */
function spectraPicture({ blocks, classes, positions }: RecordingTable): Picture {
  const levels = relative(blocks.melMean);
  const { columns } = levels;
  const means = classes.map((_, c) => {
    const sums = new Float64Array(columns);
    let count = 0;
    positions.forEach((position, row) => {
      if (position !== c) return;
      count++;
      for (let b = 0; b < columns; b++) sums[b] += levels.data[row * columns + b];
    });
    return sums.map((sum) => sum / count);
  });
  const values = means.map((own) =>
    Array.from(own, (level, b) => level - means.reduce((sum, one) => sum + one[b], 0) / means.length),
  );
  return heatMapPicture(
    { rows: classes, columns: bandCentres('mel').map(hertz), values },
    {
      valueLabel: 'dB to the mean of classes',
      columnLabel: 'Mel band, by its centre in Hz',
      format: (value) => value.toFixed(0),
    },
  );
}

function ranksPicture(result: RankResult, number: number): NamedPicture {
  const file = `hypothesis-${number}-${result.id}.png`;
  const { columns, noun } = result;
  const alt = `Hypothesis ${number}: share of the variance of ranks between classes (η²) by ${noun}`;
  const xLabel = 'Share of the variance of ranks between classes (η²)';
  if (columns.length > 12) {
    const kilohertz = bandCentres('mel').map((f) => f / 1000);
    const picture = curvePicture(
      [
        {
          yLabel: 'η² (0: classes alike)',
          yRange: [0, 1],
          series: [
            {
              name: 'η², with its 95 % interval',
              x: kilohertz,
              y: columns.map(({ etaSquared }) => Math.max(0, etaSquared.value)),
              intervals: columns.map(({ etaSquared }) => etaSquared),
            },
          ],
        },
      ],
      { xLabel: 'Frequency (kHz)' },
    );
    return { file, alt, picture };
  }
  const picture = intervalPicture(
    columns.map(({ name, etaSquared }) => ({
      name,
      main: { ...etaSquared, value: Math.max(0, etaSquared.value) },
    })),
    { xLabel, range: [0, 1], legend: { main: '95 % interval' }, format: (value) => value.toFixed(3) },
  );
  return { file, alt, picture };
}

function ablationPictures(
  result: AblationResult,
  { classes }: RecordingTable,
  number: number,
): NamedPicture[] {
  return [
    {
      file: `hypothesis-${number}-${result.id}.png`,
      alt: `Hypothesis ${number}: accuracy lost without each region, with 95 % intervals`,
      picture: intervalPicture(
        result.parts.map(({ name, loss }) => ({
          name: `without ${name}`,
          main: {
            value: 100 * loss.value,
            low: loss.low === null ? null : 100 * loss.low,
            high: loss.high === null ? null : 100 * loss.high,
          },
        })),
        {
          xLabel: 'Accuracy lost (percentage points)',
          reference: 0,
          legend: { main: '95 % interval' },
          format: (value) => points(value / 100),
        },
      ),
    },
    {
      file: `hypothesis-${number}-${result.id}-classes.png`,
      alt: `Hypothesis ${number}: recall that each class loses without each region`,
      picture: heatMapPicture(
        {
          rows: classes,
          columns: result.parts.map(({ name }) => name),
          values: classes.map((_, c) => result.parts.map(({ perClass }) => 100 * perClass[c])),
        },
        {
          valueLabel: 'recall lost (points)',
          columnLabel: 'Region taken away',
          format: (value) => value.toFixed(0),
        },
      ),
    },
  ];
}
