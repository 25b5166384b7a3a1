/** @file `earshot demo`: everything once, on a built-in synthetic set. */
import { type Command, Option } from 'commander';
import type { demo } from '../../workflows/demo.ts';
import { commandText } from '../commandLine.ts';
import { addSharedOptions, type Context, type SharedOptions, seedOption, withHooks } from '../context.ts';
import { inRunDirectory } from '../runDirectory.ts';
import { type Terminal, writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions {
  out?: string;
  resume?: boolean;
  seed: number;
}

type Outcome = Awaited<ReturnType<typeof demo>>;

const synthetic =
  'The demo is on synthetic sound: its numbers show that the machinery works, not how well it hears.';

export function addDemo(program: Command, context: Context): void {
  const command = program
    .command('demo')
    .description(
      'synthesise a small set of urban sounds, train two networks on it and compare them (about three minutes)',
    )
    .addOption(new Option('--out <dir>', 'folder for the runs and the report (default: runs/demo-<n>)'))
    .addOption(new Option('--resume', 'go on with the demo in --out'))
    .addOption(seedOption('everything random in training'));
  addSharedOptions(command, { cache: true }).addHelpText(
    'after',
    `
Examples:
  earshot demo
  earshot demo --out /tmp/demo --seed 7 --json`,
  );
  command.action(async (options: Options) => {
    const { demo: run } = await import('../../workflows/demo.ts');
    const outcome = await inRunDirectory(context.words, options, { stem: 'demo' }, (place) => {
      if (!options.json) context.terminal.out.line(`${synthetic}\n`);
      return withHooks(context, options, (hooks) =>
        run({ ...hooks, ...place, resume: options.resume, seed: options.seed }),
      );
    });
    if (options.json) writeJsonLine(context.terminal.out, { synthetic: true, ...outcome });
    else await printOutcome(outcome, context.terminal);
  });
}

async function printOutcome({ rows, report, model, example }: Outcome, { out }: Terminal): Promise<void> {
  const { default: Table } = await import('cli-table3');
  const { durationText } = await import('../../evaluation/report/scoreText.ts');
  const table = new Table({
    head: ['approach', 'accuracy', '95 % interval', 'macro F1', 'parameters', 'time'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: out.isTerminal ? ['bold'] : [], border: [], compact: true },
  });
  for (const row of rows) {
    const [low, high] = row.interval;
    table.push([
      row.approach,
      row.accuracy.toFixed(3),
      low === null || high === null ? '' : `${low.toFixed(3)} – ${high.toFixed(3)}`,
      row.macroF1.toFixed(3),
      row.parameters.toLocaleString('en-US'),
      durationText(row.seconds),
    ]);
  }
  out.line(table.toString());
  out.line(`\nReport:   ${report.html}`);
  out.line(`Try next: ${commandText(['classify', model, example])}`);
}
