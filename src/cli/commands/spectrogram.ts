/** @file `earshot spectrogram`: a recording as a picture. */
import { basename, extname } from 'node:path';
import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { choiceOption, number, wholeNumber } from '../optionValues.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options {
  output?: string;
  json?: boolean;
  sampleRate?: number;
  nFft?: number;
  winLength?: number;
  hopLength?: number;
  nMels?: number;
  fMin?: number;
  fMax?: number;
  melScale?: 'slaney' | 'htk';
  topDb: number;
  from?: number;
  to?: number;
  colours?: 'magma' | 'viridis' | 'grey';
  width?: number;
  height?: number;
  title?: string;
}

export function addSpectrogram(program: Command, context: Context): void {
  const command = program
    .command('spectrogram')
    .description('draw a recording as a log-mel spectrogram with time, frequency and decibel scales')
    .argument('<file>', 'sound file');
  const positive = wholeNumber({ min: 1 });
  const add = (group: string, ...options: Option[]) => {
    for (const option of options) command.addOption(option.helpGroup(group));
  };
  add(
    'Picture:',
    new Option(
      '-o, --output <file>',
      'picture to write, .png or .svg (default: the name of the sound with .png)',
    ),
    new Option('--from <seconds>', 'where the picture begins').argParser(number({ min: 0 })),
    new Option('--to <seconds>', 'where it ends').argParser(number({ min: 0, above: true })),
    choiceOption('--colours <name>', 'colour map', ['magma', 'viridis', 'grey']),
    new Option('--top-db <dB>', 'decibels shown below the loudest')
      .argParser(number({ min: 0, above: true }))
      .default(80),
    new Option('--width <n>', 'drawing units; a PNG has twice as many pixels').argParser(
      wholeNumber({ min: 320, max: 10000 }),
    ),
    new Option('--height <n>', 'likewise').argParser(wholeNumber({ min: 200, max: 10000 })),
    new Option('--title <text>', 'line above the picture (default: the name of the file)'),
  );
  add(
    'Front end:',
    new Option('--sample-rate <Hz>', "resample first (default: the recording's own rate)").argParser(
      wholeNumber({ min: 1000, max: 384000 }),
    ),
    new Option('--n-fft <n>', 'samples in a frame (default: 80 to 160 ms)').argParser(
      wholeNumber({ min: 2, max: 2 ** 20 }),
    ),
    new Option('--win-length <n>', 'samples in the window (default: the frame)').argParser(positive),
    new Option('--hop-length <n>', 'samples between frames (default: a quarter of the window)').argParser(
      positive,
    ),
    new Option('--n-mels <n>', 'mel bands').argParser(wholeNumber({ min: 1, max: 4096 })).default(128),
    new Option('--f-min <Hz>', 'lowest frequency').argParser(number({ min: 0 })),
    new Option('--f-max <Hz>', 'highest frequency (default: half the rate)').argParser(
      number({ min: 0, above: true }),
    ),
    choiceOption('--mel-scale <name>', 'formula of the mel scale (default: slaney)', ['slaney', 'htk']),
  );
  add('General:', new Option('--json', 'print the result as one JSON document on stdout'));
  command.addHelpText(
    'after',
    `
Examples:
  earshot spectrogram clip.wav -o clip.png
  earshot spectrogram day.flac -o noon.png --from 43200 --to 43260
  earshot spectrogram clip.wav -o clip.svg --n-mels 64 --sample-rate 22050 --colours grey`,
  );
  command.action(async (file: string, options: Options) => {
    const { spectrogram } = await import('../../workflows/spectrogram.ts');
    const { sampleRate, nFft, winLength, hopLength, nMels, fMin, fMax, melScale, topDb } = options;
    const outcome = await spectrogram({
      file,
      out: options.output ?? `${basename(file, extname(file))}.png`,
      spec: given({ sampleRate, nFft, winLength, hopLength, nMels, fMin, fMax, melScale, topDb }),
      fromSeconds: options.from,
      toSeconds: options.to,
      picture: given({
        colourMap: options.colours,
        width: options.width,
        height: options.height,
        title: options.title,
      }),
    });
    const { out, err } = context.terminal;
    for (const warning of outcome.warnings) err.line(`${err.colours.yellow('Warning:')} ${warning}`);
    if (options.json) {
      writeJsonLine(out, outcome);
      return;
    }
    const { spec } = outcome;
    out.line(
      `${outcome.out}: ${outcome.seconds.toFixed(2)} s at ${outcome.sampleRate} Hz, ${spec.nMels} mel bands from ` +
        `${spec.fMin} to ${spec.fMax} Hz, ${outcome.nFrames} frames.`,
    );
  });
}

/** Without the entries that are undefined, which would hide defaults. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
