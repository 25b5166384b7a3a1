/** @file The two streams as the commands see them: results on stdout, everything else on stderr. */
import type { Writable } from 'node:stream';
import pc from 'picocolors';
import { printableLines } from '../core/printable.ts';
import { systemHint } from '../core/systemErrors.ts';
import { exitCodes } from './exitCodes.ts';

type Colours = ReturnType<typeof pc.createColors>;

export interface Stream {
  readonly stream: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly isTerminal: boolean;
  readonly colours: Colours;
  /** Writes `text` and a line break; what is left of control characters in names is escaped. */
  line(text?: string): void;
  /** The same without the line break. */
  write(text: string): void;
  /** Rows for other programs, exactly as they are; on a terminal as all other text. */
  csv(rows: string): void;
}

/** Colour is for terminals; NO_COLOR and TERM=dumb turn it off there too. */
function open(stream: Stream['stream']): Stream {
  const isTerminal = stream.isTTY === true;
  const { NO_COLOR, TERM } = process.env;
  const coloured = isTerminal && !NO_COLOR && TERM !== 'dumb';
  const write = (text: string) => void stream.write(printableLines(text, { colours: isTerminal }));
  return {
    stream,
    isTerminal,
    colours: pc.createColors(coloured),
    line: (text = '') => write(`${text}\n`),
    write,
    csv: isTerminal ? write : (rows) => void stream.write(rows),
  };
}

export interface Terminal {
  readonly out: Stream;
  readonly err: Stream;
}

export function openTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has gone, as in `earshot … | head`: nobody is left to be told.
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    const hint = systemHint(error);
    process.stderr.write(
      `Error: The result could not be written to stdout: ${error.message}.\n${hint === undefined ? '' : `Hint: ${hint}\n`}`,
    );
    process.exit(exitCodes.failure);
  });
  // Where nobody hears what is told on the side (the terminal was closed, its disk is full), the work goes on.
  process.stderr.on('error', () => {});
  return { out: open(process.stdout), err: open(process.stderr) };
}

/** One JSON document and a line break. */
export function writeJsonLine(out: Stream, value: unknown): void {
  out.line(JSON.stringify(value, null, 2));
}
