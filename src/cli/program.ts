/** @file The program: its commands and what they share. Commands load their work only when they run. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addClassify } from './commands/classify.ts';
import { addCompare } from './commands/compare.ts';
import { addDataInspect } from './commands/dataInspect.ts';
import { addDemo } from './commands/demo.ts';
import { addEmbed } from './commands/embed.ts';
import { addEvaluate } from './commands/evaluate.ts';
import { addExplain } from './commands/explain.ts';
import { addExport } from './commands/exportModel.ts';
import { addFewShot } from './commands/fewShot.ts';
import { addGradient } from './commands/gradient.ts';
import { addHypotheses } from './commands/hypotheses.ts';
import { addImport } from './commands/importModel.ts';
import { addIndex } from './commands/indexDataset.ts';
import { addModels } from './commands/models.ts';
import { addParity } from './commands/parity.ts';
import { addSimilar } from './commands/similar.ts';
import { addSpectrogram } from './commands/spectrogram.ts';
import { addTrain } from './commands/train.ts';
import { addUnknown } from './commands/unknown.ts';
import { addZeroShot } from './commands/zeroShot.ts';
import type { Context } from './context.ts';
import { CommandLineError } from './reportError.ts';

export function makeProgram(context: Context): Command {
  const program = new Command('earshot')
    .description(
      'Sound classification: from a folder of labelled recordings to a trained, honestly evaluated classifier.',
    )
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help on a command')
    // What stands behind a command's name is that command's, also where it has commands of its own.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => context.terminal.out.write(text),
      writeErr: (text) => context.terminal.err.write(text),
      // Errors are thrown, and reported in one place.
      outputError: () => {},
    });
  throwUsageErrors(program, 'earshot --help');
  program.addHelpText(
    'after',
    `
Examples:
  earshot demo                                   train on a built-in synthetic set, in about three minutes
  earshot data inspect UrbanSound8K              what is in a dataset, and what is wrong with it
  earshot train UrbanSound8K --approach cnn --train-folds 1-9 --test-folds 10
  earshot classify runs/cnn/model.onnx street.wav

Exit codes: 0 success, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C.
Set EARSHOT_DEBUG=1 to see the stack of an error.`,
  );
  addDemo(program, context);
  addDataInspect(program, context);
  addSpectrogram(program, context);
  addTrain(program, context);
  addCompare(program, context);
  addEvaluate(program, context);
  addClassify(program, context);
  addZeroShot(program, context);
  addHypotheses(program, context);
  addExplain(program, context);
  addEmbed(program, context);
  addIndex(program, context);
  addSimilar(program, context);
  addFewShot(program, context);
  addUnknown(program, context);
  addImport(program, context);
  addExport(program, context);
  addGradient(program, context);
  addParity(program, context);
  addModels(program, context);
  for (const command of program.commands) {
    throwUsageErrors(command, `earshot ${command.name()} --help`);
    for (const sub of command.commands) {
      throwUsageErrors(sub, `earshot ${command.name()} ${sub.name()} --help`);
    }
  }
  return program;
}

function throwUsageErrors(command: Command, helpCommand: string): void {
  command.exitOverride((error) => {
    throw new CommandLineError(error, helpCommand);
  });
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
