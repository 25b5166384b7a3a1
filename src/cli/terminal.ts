/** @file The two streams as the commands see them: results on stdout, everything else on stderr. */
import type { Writable } from 'node:stream';
import pc from 'picocolors';

type Colours = ReturnType<typeof pc.createColors>;

export interface Stream {
  readonly stream: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly isTerminal: boolean;
  readonly colours: Colours;
  /** Writes `text` and a line break. */
  line(text?: string): void;
}

/** Colour is for terminals; NO_COLOR and TERM=dumb turn it off there too. */
function open(stream: Stream['stream']): Stream {
  const isTerminal = stream.isTTY === true;
  const { NO_COLOR, TERM } = process.env;
  const colours = pc.createColors(isTerminal && !NO_COLOR && TERM !== 'dumb');
  return { stream, isTerminal, colours, line: (text = '') => void stream.write(`${text}\n`) };
}

export interface Terminal {
  readonly out: Stream;
  readonly err: Stream;
}

export function openTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    // The reader has gone, as in `earshot … | head`: nobody is left to be told.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
      throw error;
    });
  }
  return { out: open(process.stdout), err: open(process.stderr) };
}

/** One JSON document and a line break. */
export function writeJsonLine(out: Stream, value: unknown): void {
  out.line(JSON.stringify(value, null, 2));
}
