/**
 * @file One task in a process of its own, for work that takes much memory, may crash, or runs beside others of its kind.
 * The module with the work lies beside the caller and calls `serveProcess`.
 */
import { type ForkOptions, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CancelledError, EarshotError, fromPlainError, RuntimeError } from '../core/index.ts';
import type { ProcessMessage, ProcessOrder } from './serveProcess.ts';

export interface ProcessTaskOptions<Event> {
  /** Asks the process to stop; it may save its work first. */
  readonly signal?: AbortSignal;
  /** What the work tells while it runs. */
  readonly onEvent?: (event: Event) => void;
}

/** Characters of the process's last words that an error quotes. */
const quoted = 2000;

/**
 * Does `task` in a new process and returns its result.
 * @param from the caller's `import.meta.url`
 * @param name the module beside the caller, without extension; it calls `serveProcess`
 * @throws {EarshotError} what the work threw, with its code and hint
 * @throws {RuntimeError} when the process ended without an answer, such as for want of memory
 * @throws {CancelledError} when it was stopped
 */
export async function runInProcess<Task, Result, Event = never>(
  from: string,
  name: string,
  task: Task,
  { signal, onEvent }: ProcessTaskOptions<Event> = {},
): Promise<Result> {
  if (signal?.aborted) throw new CancelledError('The work was stopped before it began.');
  const child = fork(modulePath(from, name), [], {
    ...typescriptOptions(from),
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let lastWords = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-quoted);
  });
  const order = (message: ProcessOrder<Task>) => {
    // A process that has just ended takes no more orders; that it ended is told below.
    if (child.connected) child.send(message, () => {});
  };
  const stop = () => order({ stop: true });
  signal?.addEventListener('abort', stop, { once: true });
  let answer: ProcessMessage<Result, Event> | null = null;
  child.on('message', (message) => {
    const told = message as ProcessMessage<Result, Event>;
    if ('event' in told) onEvent?.(told.event);
    else answer = told;
  });
  order({ task });
  const ended = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, by) => resolve(by === null ? `exit code ${code}` : by));
  });
  signal?.removeEventListener('abort', stop);
  // What it answered last stands, however it ended then.
  const told = answer as ProcessMessage<Result, Event> | null;
  if (told !== null && 'result' in told) return told.result;
  if (told !== null && 'error' in told) {
    const error = fromPlainError(told.error);
    throw error instanceof EarshotError ? error : new RuntimeError(error.message, { cause: error });
  }
  if (signal?.aborted) throw new CancelledError('The work was stopped.');
  const words = lastWords.trim().split('\n').slice(-3).join(' ').trim();
  throw new RuntimeError(
    `The process ended without an answer (${ended})${words === '' ? '' : `: ${words}`}.`,
    {
      hint: 'If it was killed, memory may be short: run fewer at a time.',
    },
  );
}

function modulePath(from: string, name: string): string {
  return fileURLToPath(new URL(`./${name}.${from.endsWith('.ts') ? 'ts' : 'js'}`, from));
}

/** TypeScript sources run through tsx, a development dependency; the published package never gets here. */
function typescriptOptions(from: string): ForkOptions {
  if (!from.endsWith('.ts')) return { execArgv: [] };
  const loader = new URL('dist/loader.mjs', pathToFileURL(createRequire(from).resolve('tsx/package.json')));
  return { execArgv: ['--import', loader.href] };
}
