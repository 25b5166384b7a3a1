/** @file A comparison on the terminal: the table, the differences, and what to beware of. */
import Table from 'cli-table3';
import { type Notice, type WeightsOrigin, weightsOrigin } from '../core/index.ts';
import type { ComparisonResult } from '../evaluation/comparison/comparison.ts';
import {
  countText,
  durationText,
  percentText,
  plural,
  pointsText,
  pText,
  scoreText,
  sizeText,
} from '../evaluation/report/scoreText.ts';
import { printFailures, printNotices } from './printEvaluation.ts';
import type { Terminal } from './terminal.ts';

const originText: Readonly<Record<WeightsOrigin, string>> = {
  none: 'none',
  random: 'random',
  untrained: 'random, frozen',
  pretrained: 'pretrained',
};

/** Prints to stdout. */
export function printComparison(
  { approaches, pairs, split, clips, groups, notices }: ComparisonResult,
  { failures, synthetic, kept }: { failures: readonly Notice[]; synthetic: boolean; kept: number },
  terminal: Terminal,
): void {
  const { out } = terminal;
  const table = (head: string[], left = 1) =>
    new Table({
      head,
      colAligns: head.map((_, i) => (i < left ? 'left' : 'right')),
      style: { head: out.isTerminal ? ['bold'] : [], border: [], compact: true },
    });
  if (synthetic) out.line('These numbers are on synthetic sound: they say nothing about real recordings.\n');
  if (split !== null) out.line(`Tested: ${split.description}`);
  out.line(
    `${plural(clips, 'clip')} from ${plural(groups, 'recording')}, the same for all; 95 % intervals over recordings.`,
  );
  if (kept > 0) out.line(`${plural(kept, 'finished run')} ${kept === 1 ? 'was' : 'were'} kept.`);
  out.line();

  const leaks = split !== null && split.leak.clips > 0;
  const mark = leaks ? ' (leaks)' : '';
  const scores = table(['approach', 'accuracy', 'macro F1', 'log-loss', 'calibration', 'weights'], 1);
  for (const { name, scores: own, weights } of approaches) {
    scores.push([
      name,
      scoreText(own.accuracy.value, own.accuracy.interval) + mark,
      scoreText(own['macro f1-score'].value, own['macro f1-score'].interval) + mark,
      own['log-loss'].value.toFixed(3),
      own['calibration error'].value.toFixed(3),
      originText[weightsOrigin(weights)],
    ]);
  }
  out.line(scores.toString());

  if (approaches.some(({ seeds }) => seeds.length > 1)) {
    out.line();
    for (const { name, scores: own, perSeed } of approaches) {
      const { mean, deviation } = own.accuracy.seeds;
      out.line(
        `Seeds of ${name}: ${mean.toFixed(3)}${deviation === null ? '' : ` ± ${deviation.toFixed(3)}`} (${perSeed.map((value) => value.toFixed(3)).join(', ')})`,
      );
    }
  }
  if (approaches.some(({ crossValidation }) => crossValidation !== null)) {
    out.line();
    for (const { name, crossValidation } of approaches) {
      if (crossValidation === null) continue;
      const { mean, deviation, n } = crossValidation.accuracy;
      out.line(
        `Folds of ${name}: ${mean.toFixed(3)} ± ${(deviation ?? 0).toFixed(3)} over ${n} (${crossValidation.folds.map((fold) => fold.accuracy.toFixed(3)).join(', ')})`,
      );
    }
  }

  if (pairs.length > 0) {
    out.line();
    const differences = table(['difference', 'points', '95 % interval', 'p (Holm)', 'McNemar (Holm)']);
    for (const { first, second, difference, interval, pHolm, mcnemar } of pairs) {
      differences.push([
        `${first} − ${second}`,
        pointsText(difference),
        interval.low === null || interval.high === null
          ? 'none'
          : `${pointsText(interval.low)} to ${pointsText(interval.high)}`,
        pHolm === null ? 'none' : pText(pHolm),
        pText(mcnemar.pHolm),
      ]);
    }
    out.line(differences.toString());
  }

  const leaking = approaches.flatMap(({ name, leaking: random, scores: own }) =>
    random === null ? [] : [{ name, random, honest: own.accuracy.value }],
  );
  if (leaking[0] !== undefined) {
    out.line();
    const rows = table(['what a leak is worth', 'random split', 'by recording', 'inflation']);
    for (const { name, random, honest } of leaking) {
      rows.push([
        name,
        `${random.accuracy.toFixed(3)} (leaks)`,
        honest.toFixed(3),
        pointsText(random.accuracy - honest),
      ]);
    }
    out.line(rows.toString());
    const { leak, testClips } = leaking[0].random.split;
    const overlap =
      leak.overlapping == null
        ? ''
        : `; ${percentText(leak.overlapping / testClips)} overlap a training clip in time`;
    out.line(
      `In the random split, ${percentText(leak.share)} of the test clips are cut from a recording that is in training too${overlap}.`,
    );
  }

  out.line();
  const costs = table(['approach', 'trained parameters', 'model', 'features', 'training', 'per clip']);
  for (const { name, costs: own } of approaches) {
    costs.push([
      name,
      countText(own.trainedParameters),
      sizeText(own.artefactBytes),
      durationText(own.featureSeconds),
      durationText(own.trainingSeconds),
      own.inferenceSeconds === null ? '' : `${(1000 * own.inferenceSeconds).toFixed(1)} ms`,
    ]);
  }
  out.line(costs.toString());
  printFailures(failures, terminal, 10, 'run');
  printNotices(notices, terminal);
  if (leaks) {
    out.line();
    out.line(
      out.colours.yellow(
        `Warning: a leak. Of the tested clips, ${percentText(split.leak.share)} are cut from recordings that are in training too: the scores are too high.`,
      ),
    );
  }
}
