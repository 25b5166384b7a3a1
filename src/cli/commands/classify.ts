/** @file `earshot classify`: which sound is in a recording. */
import { type Command, Option } from 'commander';
import { csvRow } from '../../core/csv.ts';
import { UsageError } from '../../core/errors.ts';
import type { ClassifiedFile, ClassifyEvent } from '../../workflows/classify.ts';
import { addSharedOptions, type Context, failureTeller, type SharedOptions, withHooks } from '../context.ts';
import { exitCodes } from '../exitCodes.ts';
import { choiceOption, names, number, wholeNumber } from '../optionValues.ts';
import { nearest } from '../suggest.ts';
import { type Terminal, writeJsonLine } from '../terminal.ts';
import { stretches } from '../timeline.ts';
import { positionText } from '../timeText.ts';

interface Options extends SharedOptions {
  top?: number;
  classes?: string[];
  csv?: boolean;
  timeline?: boolean;
  unknown?: 'softmax' | 'energy' | 'mahalanobis';
  alpha?: number;
}

type Failure = { file: string; message: string; hint?: string };

/** Takes results as they come. */
interface Printer {
  result(file: ClassifiedFile): void;
  end(failures: readonly Failure[]): void;
}

export function addClassify(program: Command, context: Context): void {
  const command = program
    .command('classify')
    .description('tell which sound is in recordings; bad files are reported and the rest go on')
    .argument('<model>', 'model.onnx that earshot train wrote')
    .argument('<paths...>', 'sound files, or folders of them')
    .addOption(new Option('--top <k>', 'labels per file (default: 3)').argParser(wholeNumber({ min: 1 })))
    .addOption(
      new Option('--classes <names>', 'these classes instead of the likeliest, such as siren,gun_shot')
        .argParser(names)
        .conflicts('top'),
    )
    .addOption(
      choiceOption(
        '--unknown [score]',
        'also tell recordings of no class of the model, which earshot unknown has prepared (default: energy)',
        ['softmax', 'energy', 'mahalanobis'],
      ).preset('energy'),
    )
    .addOption(
      new Option(
        '--alpha <x>',
        'print the set of classes that fit: it lacks the right one at most this often, such as 0.1 (the model must be calibrated)',
      )
        .argParser(number({ min: 0.001, max: 0.5 }))
        .conflicts('csv'),
    )
    .addOption(new Option('--timeline', 'what is heard when: stretches of each recording'))
    .addOption(
      new Option('--csv', 'print CSV: a row per file and label, or per stretch with --timeline').conflicts(
        'json',
      ),
    );
  addSharedOptions(command, { device: true }).addHelpText(
    'after',
    `
Examples:
  earshot classify runs/cnn/model.onnx street.wav
  earshot classify runs/cnn/model.onnx recordings/ --top 1 --csv > labels.csv
  earshot classify runs/cnn/model.onnx night.flac --timeline
  earshot classify runs/cnn/model.onnx recordings/ --classes siren,gun_shot --json
  earshot classify knowing.onnx recordings/ --unknown

The exit code is 1 only if no file could be classified.`,
  );
  command.action(async (model: string, paths: string[], options: Options) => {
    const { classify } = await import('../../workflows/classify.ts');
    const { terminal } = context;
    const printer = makePrinter(terminal, model, options);
    const failures: Failure[] = [];
    let done = 0;
    await withHooks(context, options, async (hooks, { note, aside }) => {
      const top = options.classes === undefined ? (options.top ?? 3) : Number.MAX_SAFE_INTEGER;
      const events = classify({
        ...hooks,
        model,
        paths,
        top,
        alpha: options.alpha,
        unknown: options.unknown,
      });
      const tellFailure = failureTeller(terminal.err.colours, note, 'Not classified');
      for await (const event of events) {
        if (event.ok) {
          done++;
          for (const warning of event.result.warnings)
            hooks.onNotice({ subject: event.result.file, message: warning });
          const result = options.classes === undefined ? event.result : only(event.result, options.classes);
          aside(() => printer.result(result));
        } else {
          failures.push(failureOf(event));
          tellFailure(event);
        }
      }
    });
    printer.end(failures);
    if (failures.length > 0) {
      const all = done + failures.length;
      terminal.err.line(`${failures.length} of ${all} file${all === 1 ? '' : 's'} could not be classified.`);
    }
    if (done === 0) context.setExitCode(exitCodes.failure);
  });
}

function failureOf({ file, message, hint }: Extract<ClassifyEvent, { ok: false }>): Failure {
  return hint === undefined ? { file, message } : { file, message, hint };
}

/** The result with the asked classes in the asked order. */
function only(result: ClassifiedFile, classes: readonly string[]): ClassifiedFile {
  const known = result.top.map(({ label }) => label);
  const top = classes.map((name) => {
    const found = result.top.find(({ label }) => label === name);
    if (found !== undefined) return found;
    const guess = nearest(name, known);
    throw new UsageError(`The model knows no class '${name}'.`, {
      hint: guess === null ? `Its classes are ${known.toSorted().join(', ')}.` : `Did you mean ${guess}?`,
    });
  });
  return { ...result, top };
}

function makePrinter(terminal: Terminal, model: string, options: Options): Printer {
  if (options.json) return jsonPrinter(terminal, model, options);
  if (options.csv) return options.timeline ? timelineCsvPrinter(terminal) : csvPrinter(terminal, options);
  return textPrinter(terminal, options);
}

function jsonPrinter({ out }: Terminal, model: string, { timeline }: Options): Printer {
  const files: object[] = [];
  return {
    result({ file, seconds, warnings, top, set, windows, unknown }) {
      files.push({
        file,
        seconds,
        warnings,
        top,
        ...(unknown === undefined ? {} : { unknown }),
        ...(set === undefined ? {} : { set }),
        ...(timeline ? { timeline: stretches(windows), windows } : {}),
      });
    },
    end: (failures) => writeJsonLine(out, { model, files, failures }),
  };
}

function csvPrinter({ out }: Terminal, options: Options): Printer {
  const judging = options.unknown !== undefined;
  out.csv(csvRow(['file', 'seconds', 'rank', 'label', 'probability', ...(judging ? ['unknown'] : [])]));
  return {
    result({ file, seconds, top, unknown }) {
      const judged = unknown === undefined ? [] : [String(unknown.unknown)];
      top.forEach(({ label, probability }, i) => {
        out.csv(csvRow([file, round(seconds), i + 1, label, round(probability, 6), ...judged]));
      });
    },
    end() {},
  };
}

function timelineCsvPrinter({ out }: Terminal): Printer {
  out.csv(csvRow(['file', 'start', 'end', 'label', 'probability']));
  return {
    result({ file, windows }) {
      for (const { start, end, label, probability } of stretches(windows)) {
        out.csv(csvRow([file, round(start), round(end), label, round(probability, 6)]));
      }
    },
    end() {},
  };
}

function textPrinter({ out }: Terminal, { timeline }: Options): Printer {
  return {
    result({ file, top, set, windows, unknown }) {
      const labels = top.map(({ label, probability }, i) => {
        const text = `${label} ${probability.toFixed(3)}`;
        return i === 0 ? out.colours.bold(text) : text;
      });
      const fitting = set === undefined ? '' : `  {${set.join(', ')}}`;
      const judged = unknown?.unknown ? `${out.colours.yellow('unknown')}, nearest ` : '';
      out.line(`${file}  ${judged}${labels.join('  ')}${fitting}`);
      if (!timeline) return;
      for (const { start, end, label, probability } of stretches(windows)) {
        out.line(
          `  ${positionText(start).padStart(9)} – ${positionText(end).padEnd(9)} ${label} ${probability.toFixed(3)}`,
        );
      }
    },
    end() {},
  };
}

function round(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}
