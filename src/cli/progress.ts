/** @file Draws progress events: a bar on a terminal, now and then a line elsewhere. Always on stderr. */
import type { SingleBar } from 'cli-progress';
import type { ProgressEvent, ProgressListener } from '../core/index.ts';
import { printable } from '../core/printable.ts';
import type { Stream as TerminalStream } from './terminal.ts';
import { timeLeftText } from './timeText.ts';

type Stream = Pick<TerminalStream, 'stream' | 'isTerminal' | 'colours' | 'line'>;

export interface ProgressDisplay {
  readonly onProgress: ProgressListener;
  /** A line on stderr among the progress. */
  note(text: string): void;
  /** Lets `write` write to a terminal that may show the bar: it is taken down before and put up again. */
  aside(write: () => void): void;
  /** Removes the bar. Further events are ignored. */
  stop(): void;
}

/** Milliseconds between lines where there is no terminal. */
const lineEvery = 10_000;

/** @param quiet no progress at all, notes only */
export async function progressDisplay(err: Stream, { quiet = false } = {}): Promise<ProgressDisplay> {
  if (quiet) {
    return {
      onProgress: () => {},
      note: (text) => err.line(text),
      aside: (write) => write(),
      stop: () => {},
    };
  }
  return err.isTerminal ? bars(err) : lines(err);
}

/** Seconds left, judged from the pace since the task's first event (a resumed task does not start at 0). */
function paceOf(): (event: ProgressEvent) => number | null {
  let task = '';
  let first = 0;
  let start = 0;
  return ({ task: name, done, total }) => {
    const now = performance.now();
    if (name !== task || done < first) {
      task = name;
      first = done;
      start = now;
    }
    const seconds = (now - start) / 1000;
    return done > first && seconds > 0.5 ? (seconds / (done - first)) * (total - done) : null;
  };
}

function describe({ task, done, total, unit, detail }: ProgressEvent, left: number | null): string {
  const parts = [`${done}/${total}${unit ? ` ${unit}` : ''}`];
  if (detail) parts.push(printable(detail));
  if (left !== null && done < total) parts.push(`${timeLeftText(left)} left`);
  return `${printable(task)}: ${parts.join(', ')}`;
}

function lines(err: Stream): ProgressDisplay {
  const pace = paceOf();
  let task = '';
  let told = 0;
  let stopped = false;
  return {
    onProgress(event) {
      if (stopped) return;
      const left = pace(event);
      const now = performance.now();
      const isNew = event.task !== task;
      const complete = event.done >= event.total;
      if (!isNew && !complete && now - told < lineEvery) return;
      // A task may report its end more than once.
      if (!isNew && complete && told === Number.POSITIVE_INFINITY) return;
      task = event.task;
      told = complete ? Number.POSITIVE_INFINITY : now;
      err.line(describe(event, left));
    },
    note: (text) => err.line(text),
    aside: (write) => write(),
    stop() {
      stopped = true;
    },
  };
}

async function bars(err: Stream): Promise<ProgressDisplay> {
  const { default: progress } = await import('cli-progress');
  const pace = paceOf();
  let bar: SingleBar | null = null;
  let last: ProgressEvent | null = null;
  let task = '';
  let stopped = false;
  const width = 24;
  const end = () => {
    bar?.stop();
    bar = null;
  };
  const begin = (event: ProgressEvent, left: number | null) => {
    bar = new progress.SingleBar({
      stream: err.stream as NodeJS.WriteStream,
      clearOnComplete: true,
      hideCursor: true,
      fps: 8,
      format: (
        _options,
        { value, total, progress: share },
        payload: { event: ProgressEvent; left: number | null },
      ) => {
        const filled = Math.round(width * Math.min(1, share));
        const drawn = err.colours.cyan('█'.repeat(filled)) + err.colours.dim('░'.repeat(width - filled));
        const { unit, detail } = payload.event;
        const name = printable(payload.event.task);
        const rest = [`${value}/${total}${unit ? ` ${unit}` : ''}`];
        if (detail) rest.push(printable(detail));
        if (payload.left !== null) rest.push(`${timeLeftText(payload.left)} left`);
        const room = Math.max(10, (err.stream.columns || 80) - name.length - width - 3);
        const text = rest.join('  ');
        return `${name} ${drawn} ${text.length > room ? `${text.slice(0, room - 1)}…` : text}`;
      },
    });
    bar.start(event.total, event.done, { event, left });
  };
  // Down and up again rather than written over: when it ends, the bar goes back to the row it began in.
  const aside = (write: () => void) => {
    const wasUp = bar !== null;
    end();
    write();
    if (wasUp && last !== null) begin(last, null);
  };
  return {
    onProgress(event) {
      if (stopped) return;
      const left = pace(event);
      last = event;
      if (bar === null || event.task !== task) {
        end();
        task = event.task;
        if (event.done < event.total) begin(event, left);
        return;
      }
      bar.setTotal(event.total);
      bar.update(event.done, { event, left });
      if (event.done >= event.total) end();
    },
    note: (text) => aside(() => err.line(text)),
    aside,
    stop() {
      stopped = true;
      end();
    },
  };
}
