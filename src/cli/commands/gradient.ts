/** @file `earshot gradient`: the gradient of any ONNX model as a model of its own. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { Context } from '../context.ts';
import { noticeText } from '../context.ts';
import { names } from '../optionValues.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options {
  loss?: string;
  wrt?: string[];
  bind: Record<string, number>;
  output?: string;
  sum?: boolean;
  cotangent?: boolean;
  list?: boolean;
  json?: boolean;
}

/** `N=4` or `N=4,rate=16000`, added to what came before. */
function integers(text: string, before: Record<string, number> = {}): Record<string, number> {
  const bound = { ...before };
  for (const part of text.split(',')) {
    const match = /^\s*(.+?)\s*=\s*(-?\d{1,15})\s*$/.exec(part);
    if (match === null)
      throw new InvalidArgumentError('It must be a name and an integer, such as N=4 or sample_rate=16000.');
    bound[match[1]] = Number(match[2]);
  }
  return bound;
}

export function addGradient(program: Command, context: Context): void {
  const command = program
    .command('gradient')
    .description('derive the gradient of an ONNX model, as an ONNX model of its own')
    .argument('<model>', 'ONNX file, opset 7 to 24')
    .addOption(
      new Option(
        '--loss <name>',
        'tensor to differentiate: a float scalar, or with --sum or --cotangent any',
      ),
    )
    .addOption(
      new Option(
        '--wrt <names>',
        'tensors to differentiate by, separated by commas: inputs, weights or inner tensors; may be repeated',
      ).argParser((text: string, before: string[] = []) => [...new Set([...before, ...names(text)])]),
    )
    .addOption(
      new Option(
        '--bind <name=integer>',
        'size of a named dimension of the inputs, or value of an input that is one integer; may be repeated',
      )
        .argParser(integers)
        .default({}, 'none'),
    )
    .addOption(
      new Option('-o, --output <file>', 'model to write: outputs the loss, and NAME_grad for each name'),
    )
    .addOption(new Option('--sum', "differentiate the sum of the loss's elements").conflicts('cotangent'))
    .addOption(
      new Option(
        '--cotangent',
        'differentiate Σ loss · LOSS_cotangent, an input of the new model of the same shape',
      ),
    )
    .addOption(
      new Option('--list', "list the model's tensors instead, with the sizes that --bind gives").conflicts([
        ...['loss', 'wrt', 'output', 'sum', 'cotangent'],
      ]),
    )
    .addOption(new Option('--json', 'print the result as one JSON document on stdout'))
    .addHelpText(
      'after',
      `
Examples:
  earshot gradient model.onnx --list --bind N=4
  earshot gradient model.onnx --loss loss --wrt conv1.weight,fc.weight --bind N=4 -o gradient.onnx
  earshot gradient vad.onnx --loss speech --sum --wrt audio --bind N=1,sample_rate=16000 -o gradient.onnx`,
    );
  command.action(async (file: string, options: Options) => {
    const { out, err } = context.terminal;
    if (options.list) {
      const { listModelTensors } = await import('../../workflows/gradient.ts');
      const tensors = await listModelTensors(file, options.bind);
      if (options.json) {
        writeJsonLine(out, { tensors });
        return;
      }
      for (const { name, kind, operator, dtype, shape } of tensors)
        out.line(`${name}\t${operator ?? kind}\t${dtype}[${(shape ?? ['?']).join(', ')}]`);
      const inputs = tensors.filter((t) => t.kind === 'input');
      const open = [...new Set(inputs.flatMap((t) => (t.shape ?? []).filter((d) => typeof d === 'string')))];
      if (open.length > 0)
        err.line(
          `${err.colours.yellow('Note:')} These sizes are open: ${open.join(', ')}. Give them with --bind, such as --bind ${open[0]}=4.`,
        );
      return;
    }
    const { loss, wrt, output } = options;
    if (loss === undefined || wrt === undefined || output === undefined) {
      const missing = [
        ...(loss === undefined ? ['--loss <name>'] : []),
        ...(wrt === undefined ? ['--wrt <names>'] : []),
        ...(output === undefined ? ['-o <file>'] : []),
      ];
      throw new UsageError(
        `Missing required ${missing.length === 1 ? 'option' : 'options'} ${missing.join(', ')}.`,
        {
          hint: `See which tensors the model has with: earshot gradient ${file} --list`,
        },
      );
    }
    const { gradient } = await import('../../workflows/gradient.ts');
    const outcome = await gradient({
      model: file,
      loss,
      wrt,
      bind: options.bind,
      out: output,
      ...(options.sum ? { of: 'sum' as const } : options.cotangent ? { of: 'cotangent' as const } : {}),
      onNotice: (notice) => err.line(`${err.colours.yellow('Note:')} ${noticeText(notice)}`),
    });
    if (options.json) {
      writeJsonLine(out, outcome);
      return;
    }
    out.line(`${outcome.out}: ${outcome.nodes} nodes, ${(outcome.bytes / 1e6).toFixed(2)} MB.`);
    for (const { name, dtype, shape } of outcome.outputs)
      out.line(`  ${name}: ${dtype}[${shape.join(', ')}]`);
  });
}
