/** @file The pictures of a comparison, and what it is drawn and written from. */
import { curvePicture, intervalPicture, type Picture } from '../../pictures/index.ts';
import type { ApproachResult, ComparisonResult } from '../comparison/comparison.ts';
import type { Sound } from './document.ts';
import type { DatasetSummary } from './runReport.ts';

/** A comparison with what its report says besides. */
export interface Comparison {
  readonly title: string;
  /** The command line that repeats it. */
  readonly command: string;
  readonly dataset: DatasetSummary;
  readonly result: ComparisonResult;
  readonly versions: Readonly<Record<string, string>>;
  /** Disputed clips that can be heard, by clip. */
  readonly sounds?: Readonly<Record<string, Sound>>;
  /** A sentence: how many can be heard, and how they were made smaller. */
  readonly soundRemark?: string;
}

export interface ComparisonPictures {
  /** Accuracies with their intervals, and on random splits where those were asked for. */
  readonly accuracy: Picture;
  /** Accuracy of the clips answered, against their share. */
  readonly coverage: Picture;
}

/** Draws them. */
export function comparisonPictures({ result }: Comparison): ComparisonPictures {
  const { approaches, level } = result;
  return {
    accuracy: intervalPicture(
      approaches.map(({ name, scores: { accuracy }, seeds, leaking, perSeed }) => ({
        name,
        main: markOf(accuracy.value, accuracy.interval),
        ...(seeds.length > 1 ? { singles: perSeed } : {}),
        ...(leaking === null ? {} : { other: markOf(leaking.accuracy, leaking.interval) }),
      })),
      {
        xLabel: `Accuracy, with ${Math.round(100 * level)} % intervals over recordings`,
        legend: {
          main: 'on recordings never heard before',
          singles: 'each seed',
          other: 'on a random split, which leaks',
        },
      },
    ),
    coverage: curvePicture(
      [
        {
          yLabel: 'Accuracy of the clips answered',
          series: approaches.map(({ name, coverage }) => {
            const points = thinned(coverage.curve);
            return {
              name,
              x: points.map((point) => point.coverage),
              y: points.map((point) => point.accuracy),
            };
          }),
        },
      ],
      { xLabel: 'Share of clips answered, the most confident first' },
    ),
  };
}

function markOf(value: number, { low, high }: { low: number | null; high: number | null }) {
  return { value, low, high };
}

/** The first hundredths of a curve swing with every clip and say nothing; and a picture shows no thousand points. */
function thinned(curve: ApproachResult['coverage']['curve']) {
  const shown = curve.filter(({ coverage }) => coverage >= 0.05);
  const every = Math.max(1, Math.floor(shown.length / 200));
  return shown.filter((_, i) => i % every === 0 || i === shown.length - 1);
}
