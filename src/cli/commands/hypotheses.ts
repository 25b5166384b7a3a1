/** @file `earshot hypotheses`: five claims about what in the sound carries the class, tested on a dataset. */
import { type Command, Option } from 'commander';
import type { hypothesesJson, testHypotheses } from '../../workflows/testHypotheses.ts';
import { addSharedOptions, type Context, type SharedOptions, seedOption, withHooks } from '../context.ts';
import { choiceOption, wholeNumber } from '../optionValues.ts';
import { datasetName, inRunDirectory } from '../runDirectory.ts';
import { type Terminal, writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions {
  quick?: boolean;
  folds?: number;
  subset?: 'esc10';
  out?: string;
  seed: number;
}

type Outcome = Awaited<ReturnType<typeof testHypotheses>>;

type Found = ReturnType<typeof hypothesesJson>;

export function addHypotheses(program: Command, context: Context): void {
  const command = program
    .command('hypotheses')
    .description('test five claims about what in the sound carries the class, and write a report')
    .argument(
      '<dataset>',
      "folder of UrbanSound8K, ESC-50, ESC-10, a folder per class, a CSV manifest, or 'demo'",
    )
    .addOption(
      new Option(
        '--quick',
        'an answer in about a minute: at most 3 clips of a recording and 400 recordings, fewer permutations, one classifier',
      ),
    )
    .addOption(
      new Option(
        '--folds <k>',
        "number of folds by recording (default: the dataset's own folds, else 5)",
      ).argParser(wholeNumber({ min: 2, max: 1000 })),
    )
    .addOption(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']))
    .addOption(new Option('--out <dir>', 'folder of the report (default: runs/<dataset>-hypotheses-<n>)'))
    .addOption(seedOption('permutations, resamples, folds, shuffled frames and phases drawn anew'));
  addSharedOptions(command, { cache: true }).addHelpText(
    'after',
    `
Examples:
  earshot hypotheses UrbanSound8K
  earshot hypotheses recordings/ --quick --out runs/claims
  earshot hypotheses demo --quick --json > claims.json`,
  );
  command.action(async (dataset: string, options: Options) => {
    const { testHypotheses: run, hypothesesJson } = await import('../../workflows/testHypotheses.ts');
    const stem = `${datasetName(dataset)}-hypotheses`;
    const outcome = await inRunDirectory(context.words, options, { stem, resumes: false }, (place) =>
      withHooks(context, options, (hooks) =>
        run({
          ...hooks,
          ...place,
          dataset,
          quick: options.quick,
          folds: options.folds,
          subset: options.subset,
          seed: options.seed,
        }),
      ),
    );
    if (options.json) {
      writeJsonLine(context.terminal.out, { ...hypothesesJson(outcome), report: outcome.report });
    } else await printOutcome(outcome, hypothesesJson(outcome), context.terminal);
  });
}

async function printOutcome(outcome: Outcome, found: Found, terminal: Terminal): Promise<void> {
  const { printFailures, printNotices } = await import('../printEvaluation.ts');
  const { out } = terminal;
  const { dataset, settings, summary, hypotheses } = found;
  if (dataset.synthetic) {
    out.line('These verdicts are on synthetic sound: they say how it was made, nothing about recordings.\n');
  }
  out.line(
    `${dataset.recordings} recordings of ${dataset.classes.length} classes (${dataset.measuredClips} clips), ${settings.folds}`,
  );
  for (const { number, title, sentence, tests } of hypotheses) {
    out.line(`\n${out.colours.bold(`${number}. ${title}`)}`);
    out.line(`   ${sentence}`);
    for (const test of tests) if (test.deciding) out.line(`   - ${test.sentence}`);
  }
  out.line(`\n${summary}`);
  printFailures(outcome.failures, terminal);
  printNotices(outcome.notices, terminal);
  out.line(`\nReport:  ${outcome.report.html}`);
}
