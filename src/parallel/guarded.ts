/**
 * @file A worker thread for code that cannot be trusted to end: parsers of other people's, which one changed byte may
 * send round for ever or make ask for all memory there is. The thread is started once and reused; a task that takes too
 * long, or too much memory, is ended together with its thread, and the next one gets a new thread.
 */
import type { TransferListItem, Worker } from 'node:worker_threads';
import { CancelledError, fromPlainError, RuntimeError } from '../core/index.ts';
import type { TaskReply } from './serveTasks.ts';
import { startWorker } from './worker.ts';

export interface GuardOptions {
  /** Memory for JavaScript objects, in MiB; array buffers and WebAssembly are limited by {@link limitWasmMemory}. */
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

/** Tasks run one after the other, on one thread. */
export class GuardedWorker<Task, Result> {
  private worker: Worker | null = null;
  private job: Job | null = null;
  private queue: Promise<unknown> = Promise.resolve();

  /**
   * @param from the caller's `import.meta.url`
   * @param name the worker module beside the caller, without extension; it calls `serveTasks`
   */
  constructor(
    private readonly from: string,
    private readonly name: string,
    private readonly options: GuardOptions,
  ) {}

  /**
   * Does one task.
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
    const worker = this.worker ?? this.start();
    return new Promise<Result>((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        this.job = null;
        worker.unref();
      };
      const kill = (error: Error) => {
        end();
        this.worker = null;
        void worker.terminate();
        reject(error);
      };
      const stop = () => kill(new CancelledError('The work was stopped.'));
      const timer = setTimeout(
        () => kill(new GuardError('time', `It was not done after ${seconds} s.`)),
        1000 * seconds,
      );
      this.job = {
        worker,
        settle: (reply) => {
          end();
          if ('error' in reply) reject(fromPlainError(reply.error));
          else resolve(reply.result as Result);
        },
        fail: kill,
      };
      signal?.addEventListener('abort', stop, { once: true });
      worker.ref();
      worker.postMessage(task, [...transfer]);
    });
  }

  private start(): Worker {
    const worker = startWorker(this.from, this.name, {
      resourceLimits: { maxOldGenerationSizeMb: this.options.heapMegabytes },
    });
    const own = () => (this.job?.worker === worker ? this.job : null);
    worker.on('message', (reply: TaskReply<unknown>) => own()?.settle(reply));
    worker.on('error', (error: Error & { code?: unknown }) => {
      if (this.worker === worker) this.worker = null;
      own()?.fail(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? new GuardError('memory', 'It took more memory than it may.', { cause: error })
          : new RuntimeError(`A worker thread died at its task (${error.message}).`, { cause: error }),
      );
    });
    worker.on('exit', (code) => {
      if (this.worker === worker) this.worker = null;
      own()?.fail(new RuntimeError(`A worker thread died at its task (exit code ${code}).`));
    });
    worker.unref();
    this.worker = worker;
    return worker;
  }
}

/**
 * Limits what each WebAssembly memory of this thread may grow to, for the worker's side: beyond it, growing fails as it
 * does where the system has no more, which compiled C code answers with its own error.
 */
export function limitWasmMemory(bytes: number): void {
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
