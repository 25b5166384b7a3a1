/**
 * @file A worker thread for code that cannot be trusted to end: parsers of other people's, which one changed byte may
 * send round for ever or make ask for all memory there is. The thread is started once and reused; a task that takes too
 * long, or too much memory, is ended together with its thread, and the next one gets a new thread.
 */
import { parentPort, type TransferListItem, type Worker } from 'node:worker_threads';
import { CancelledError, fromPlainError, RuntimeError } from '../core/index.ts';
import { serveTasks, type TaskReply } from './serveTasks.ts';
import { startWorker } from './worker.ts';

export interface GuardOptions {
  /** Memory for JavaScript objects, in MiB; array buffers and WebAssembly are limited by {@link serveGuarded}. */
  readonly heapMegabytes: number;
}

export interface GuardedTaskOptions {
  /** Time after which the task is ended, > 0. */
  readonly seconds: number;
  readonly signal?: AbortSignal;
  readonly transfer?: readonly TransferListItem[];
}

/** Why a task was ended: the caller makes an error of its own of it, which names the file. */
export class GuardError extends RuntimeError {
  readonly reason: 'time' | 'memory';

  constructor(reason: 'time' | 'memory', message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

interface Job {
  readonly worker: Worker;
  settle(reply: TaskReply<unknown>): void;
  fail(error: Error): void;
}

/** What a thread says when it has loaded what its tasks need. */
const readyMessage = 'ready';

/** Time that a thread may take to load, on a machine with much else to do. */
const startSeconds = 60;

/** A thread, and whether it has loaded. */
interface Thread {
  readonly worker: Worker;
  readonly ready: Promise<void>;
}

/** Tasks run one after the other, on one thread. */
export class GuardedWorker<Task, Result> {
  private thread: Thread | null = null;
  private job: Job | null = null;
  private queue: Promise<unknown> = Promise.resolve();

  /**
   * @param from the caller's `import.meta.url`
   * @param name the worker module beside the caller, without extension; it calls {@link serveGuarded}
   */
  constructor(
    private readonly from: string,
    private readonly name: string,
    private readonly options: GuardOptions,
  ) {}

  /**
   * Does one task. The time that the thread takes to start is not the task's.
   * @throws {EarshotError} what the task threw
   * @throws {GuardError} when it took too long or too much memory, and was ended
   * @throws {CancelledError} when stopped by `signal`
   */
  run(task: Task, options: GuardedTaskOptions): Promise<Result> {
    const done = this.queue.then(() => this.begin(task, options));
    this.queue = done.catch(() => {});
    return done;
  }

  private begin(task: Task, { seconds, signal, transfer = [] }: GuardedTaskOptions): Promise<Result> {
    if (signal?.aborted) return Promise.reject(new CancelledError('The work was stopped.'));
    const { worker, ready } = this.thread ?? this.start();
    return new Promise<Result>((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        this.job = null;
        worker.unref();
      };
      const kill = (error: Error) => {
        end();
        this.thread = null;
        void worker.terminate();
        reject(error);
      };
      const stop = () => kill(new CancelledError('The work was stopped.'));
      const late = (limit: number) => () => kill(new GuardError('time', `It was not done after ${limit} s.`));
      let timer = setTimeout(late(startSeconds), 1000 * startSeconds);
      const job: Job = {
        worker,
        settle: (reply) => {
          end();
          if ('error' in reply) reject(fromPlainError(reply.error));
          else resolve(reply.result as Result);
        },
        fail: kill,
      };
      this.job = job;
      signal?.addEventListener('abort', stop, { once: true });
      worker.ref();
      void ready.then(() => {
        if (this.job !== job) return;
        clearTimeout(timer);
        timer = setTimeout(late(seconds), 1000 * seconds);
        worker.postMessage(task, [...transfer]);
      });
    });
  }

  private start(): Thread {
    const worker = startWorker(this.from, this.name, {
      resourceLimits: { maxOldGenerationSizeMb: this.options.heapMegabytes },
    });
    const own = () => (this.job?.worker === worker ? this.job : null);
    const lost = (error: Error) => {
      if (this.thread?.worker === worker) this.thread = null;
      own()?.fail(error);
    };
    const ready = new Promise<void>((resolve) => {
      worker.on('message', (message: TaskReply<unknown> | typeof readyMessage) => {
        if (message === readyMessage) resolve();
        else own()?.settle(message);
      });
    });
    worker.on('error', (error: Error & { code?: unknown }) =>
      lost(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? new GuardError('memory', 'It took more memory than it may.', { cause: error })
          : new RuntimeError(`A worker thread died at its task (${error.message}).`, { cause: error }),
      ),
    );
    worker.on('exit', (code) =>
      lost(new RuntimeError(`A worker thread died at its task (exit code ${code}).`)),
    );
    worker.unref();
    this.thread = { worker, ready };
    return this.thread;
  }
}

/**
 * The worker's side of {@link GuardedWorker}; to be called when everything that tasks need is loaded.
 * @param wasmBytes what each WebAssembly memory of the thread may grow to
 */
export function serveGuarded<Task, Result>(
  handle: Parameters<typeof serveTasks<Task, Result>>[0],
  { wasmBytes }: { readonly wasmBytes: number },
): void {
  limitWasmMemory(wasmBytes);
  serveTasks(handle);
  parentPort?.postMessage(readyMessage);
}

/**
 * Limits what each WebAssembly memory of this thread may grow to: beyond it, growing fails as it does where the system
 * has no more, which compiled C code answers with its own error.
 */
function limitWasmMemory(bytes: number): void {
  const { prototype } = webAssembly.Memory;
  const { grow } = prototype;
  prototype.grow = function (pages) {
    if (this.buffer.byteLength + 65_536 * pages > bytes)
      throw new RangeError('WebAssembly.Memory.grow(): the limit of this thread is reached.');
    return grow.call(this, pages);
  };
}

/** What is used of the WebAssembly API, which the compiler's types for Node alone do not declare. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(this: WasmMemory, pages: number): number;
}

const webAssembly = (globalThis as unknown as { WebAssembly: { Memory: { prototype: WasmMemory } } })
  .WebAssembly;
