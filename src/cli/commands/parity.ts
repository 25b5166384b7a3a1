/** @file `earshot parity`: every named front end against its golden vectors. */
import type { Command } from 'commander';
import type { ParityOutcome, ParityRow } from '../../workflows/parity.ts';
import { addSharedOptions, type Context, type SharedOptions, withHooks } from '../context.ts';
import { type Stream, writeJsonLine } from '../terminal.ts';

export function addParity(program: Command, context: Context): void {
  const command = program
    .command('parity')
    .description('compare every named front end with golden vectors by an independent float64 program');
  addSharedOptions(command, { device: true }).addHelpText(
    'after',
    `
Examples:
  earshot parity
  earshot parity --device cuda
  earshot parity --json > parity.json`,
  );
  command.action(async (options: SharedOptions) => {
    const { parity } = await import('../../workflows/parity.ts');
    const outcome = await withHooks(context, options, (hooks) => parity(hooks));
    const { out } = context.terminal;
    if (options.json) writeJsonLine(out, outcome);
    else await print(outcome, out);
    if (!outcome.passed) context.setExitCode(1);
  });
}

async function print({ rows, passed, device, versions }: ParityOutcome, out: Stream): Promise<void> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    head: ['front end', 'version', 'rows', 'form', 'absolute', 'loud', 'relative', 'tolerance', ''],
    colAligns: ['left', 'right', 'right', 'left', 'right', 'right', 'right', 'left', 'left'],
    style: { head: out.isTerminal ? ['bold'] : [], border: [], compact: true },
  });
  const { red, green } = out.colours;
  for (const row of rows) {
    const errors = [row.absolute, row.loud, row.relative].map((e) => e.toExponential(1));
    table.push([
      ...[row.name, String(row.version), String(row.rows), row.form, ...errors, toleranceText(row)],
      row.passed ? green('pass') : red('FAIL'),
    ]);
  }
  out.line(table.toString());
  out.line(`
absolute   largest difference from float64: decibels; yamnet: nepers; whisper: quarters of log10 of power
loud       the same of values down to a thousandth of the loudest amplitude
relative   largest difference as an amplitude, as a share of the loudest
nodes      ONNX Runtime ${versions['onnxruntime-node']} on ${device}
`);
  const failed = rows.filter((row) => !row.passed);
  out.line(
    passed
      ? `All ${rows.length} within tolerance.`
      : `${failed.length} of ${rows.length} outside tolerance: ${failed.map((row) => `${row.name} (${row.form})`).join(', ')}.`,
  );
}

function toleranceText({ tolerance }: ParityRow): string {
  return Object.entries(tolerance)
    .map(([name, value]) => `${name} ${value.toExponential()}`)
    .join(', ');
}
