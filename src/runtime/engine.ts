/**
 * @file The engine: runs ONNX graphs in a worker thread, so that the caller's thread stays free to prepare the next
 * batch, draw progress and react to Ctrl-C. Tensors may stay in the worker between runs (parameters, optimiser state).
 */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { EarshotError, fromPlainError, RuntimeError, type Tensor, type TensorData } from '../core/index.ts';
import { encodeModel, type Model, withoutExternalData } from '../onnx/index.ts';
import { startWorker } from '../parallel/worker.ts';
import { blockSizeOf, layoutProbe, probeInput } from './blockedLayout.ts';
import { type Device, type DeviceChoice, deviceChoices, noDeviceError } from './device.ts';
import type { DeviceAnswer, EngineReply, EngineRequest, RunRequest } from './protocol.ts';

export interface EngineOptions {
  /** Threads for one run; default all cores. */
  readonly threads?: number;
  /** Where graphs run; default the CPU. */
  readonly device?: DeviceChoice;
  /**
   * Whether threads that have nothing to do watch for work for a while before they sleep. Training has the next operator
   * for them at once; where runs are few it burns processor time. Default true.
   */
  readonly spinning?: boolean;
}

/** A model that has been loaded into an engine. */
export interface LoadedModel {
  readonly session: number;
}

interface Pending {
  resolve(value: unknown): void;
  reject(reason: Error): void;
}

export class Engine {
  readonly threads: number;
  private readonly choice: DeviceChoice;
  private readonly spinning: boolean;
  private found: Promise<Device> | null = null;
  private readonly worker: Worker;
  private readonly ended: Promise<void>;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private nextSession = 1;
  private failure: RuntimeError | null = null;
  private closing = false;

  constructor(options: EngineOptions = {}) {
    this.threads = options.threads ?? availableParallelism();
    if (!Number.isInteger(this.threads) || this.threads < 1) {
      throw new RuntimeError(`The engine needs a whole number of threads ≥ 1, got ${this.threads}.`);
    }
    this.choice = options.device ?? 'cpu';
    this.spinning = options.spinning ?? true;
    if (!deviceChoices.includes(this.choice)) {
      throw new RuntimeError(
        `There is no device '${this.choice}'; there are names for ${deviceChoices.join(', ')}.`,
      );
    }
    this.worker = startWorker(import.meta.url, 'engineWorker');
    this.worker.on('message', (reply: EngineReply) => this.settle(reply));
    this.worker.on('error', (error) => this.fail(error));
    this.worker.on('exit', (code) => this.fail(new Error(`its thread ended with exit code ${code}`)));
    this.ended = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.holdProcess();
  }

  /**
   * The device that graphs run on. Other devices than the CPU are started when this is first asked, or a model loaded.
   * @throws {RuntimeError} where the device is missing or does not start, naming those that do
   */
  async device(): Promise<Device> {
    if (this.choice === 'cpu') return 'cpu';
    this.found ??= this.findDevice();
    return this.found;
  }

  private async findDevice(): Promise<Device> {
    const { choice } = this;
    const answer = (await this.ask({ kind: 'device', choice }, 'could not look for devices')) as DeviceAnswer;
    if (answer.device === null) throw noDeviceError(choice, answer, answer.available);
    return answer.device;
  }

  /**
   * Loads a model. It gets no location: a tensor whose data are in another file is refused, wherever in the model it is.
   * @throws {GraphError} for a model that keeps data in other files
   * @throws {RuntimeError} with ONNX Runtime's own words if it refuses the graph, or where the device does not start
   */
  async load(model: Model | Uint8Array): Promise<LoadedModel> {
    const session = this.nextSession++;
    const bytes = withoutExternalData('model', model instanceof Uint8Array ? model : encodeModel(model));
    const device = await this.device();
    await this.ask(
      { kind: 'load', session, model: bytes, threads: this.threads, spinning: this.spinning, device },
      'could not load the graph',
    );
    return { session };
  }

  async unload(model: LoadedModel): Promise<void> {
    await this.ask({ kind: 'unload', session: model.session }, 'could not unload the graph');
  }

  /**
   * Stores tensors in the worker under their names.
   * @param options.transfer move them instead of copying: the arrays are empty afterwards, and no second set of them
   *   waits for the garbage collector; default false
   */
  async put(
    tensors: ReadonlyMap<string, Tensor>,
    options: { readonly transfer?: boolean } = {},
  ): Promise<void> {
    const whole = new Map([...tensors].map(([name, tensor]) => [name, ownBuffer(tensor)]));
    const moved = options.transfer
      ? new Set([...whole.values()].map(({ data }) => data.buffer as ArrayBuffer))
      : [];
    await this.ask({ kind: 'put', tensors: whole }, 'could not store tensors', [...moved]);
  }

  /** Copies of resident tensors. */
  async get(names: readonly string[]): Promise<Map<string, Tensor>> {
    return (await this.ask({ kind: 'get', names }, 'could not read tensors')) as Map<string, Tensor>;
  }

  /**
   * Runs a loaded model once.
   * @returns the fetched outputs
   * @throws {RuntimeError} if an input is missing, has the wrong shape, or the run fails
   */
  async run(
    model: LoadedModel,
    request: Partial<RunRequest> & { fetch: readonly string[] },
  ): Promise<Record<string, Tensor>> {
    const feeds = Object.fromEntries(
      Object.entries(request.feeds ?? {}).map(([name, tensor]) => [name, ownBuffer(tensor)]),
    );
    const message: EngineRequest = {
      kind: 'run',
      session: model.session,
      feeds,
      resident: request.resident ?? [],
      keep: request.keep ?? {},
      fetch: request.fetch,
    };
    return (await this.ask(message, 'failed to run the graph')) as Record<string, Tensor>;
  }

  /**
   * Channels in a block of the runtime's blocked layout for pictures (16 with AVX-512, 8 with AVX2), which training
   * graphs are lowered to; null where the runtime has none, as on other devices than the CPU.
   */
  async blockSize(): Promise<number | null> {
    if ((await this.device()) !== 'cpu') return null;
    try {
      const probe = await this.load(layoutProbe());
      const { y } = await this.run(probe, { feeds: { x: probeInput }, fetch: ['y'] });
      await this.unload(probe);
      return blockSizeOf(y!.data as Float32Array);
    } catch (error) {
      if (this.failure !== null) throw error;
      return null;
    }
  }

  /**
   * Ends the worker thread and resolves when it has ended; may be called at any moment, and again. Requests that are
   * still waiting are rejected at once. The thread ends itself when its run is over: terminating it from here could
   * interrupt onnxruntime-node while it hands results over, which ends the process.
   */
  async close(): Promise<void> {
    this.closing = true;
    this.fail(new Error('it was closed'));
    const request: EngineRequest & { id: number } = { kind: 'close', id: 0 };
    this.worker.postMessage(request);
    this.holdProcess();
    await this.ended;
  }

  /** An idle engine does not keep the process alive; one with a run in progress does, and so does one that is closing. */
  private holdProcess(): void {
    if (this.closing || this.pending.size > 0) this.worker.ref();
    else this.worker.unref();
  }

  private ask(request: EngineRequest, what: string, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (this.failure !== null) return Promise.reject(this.failure);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      // What cannot be sent rejects here, and nothing waits for a reply to it.
      this.worker.postMessage({ ...request, id }, transfer);
      this.pending.set(id, {
        resolve,
        reject: (reason) =>
          reject(
            reason instanceof EarshotError
              ? reason
              : new RuntimeError(`ONNX Runtime ${what}: ${reason.message}`, { cause: reason }),
          ),
      });
      this.holdProcess();
    });
  }

  private settle(reply: EngineReply): void {
    // Null for the late reply to a request that was rejected when the engine was closed.
    const waiting = this.pending.get(reply.id) ?? null;
    this.pending.delete(reply.id);
    this.holdProcess();
    if (reply.error !== undefined) waiting?.reject(fromPlainError(reply.error));
    else waiting?.resolve(reply.result);
  }

  private fail(cause: Error): void {
    this.failure ??= new RuntimeError(`The engine stopped: ${cause.message}.`, { cause });
    for (const waiting of this.pending.values()) waiting.reject(this.failure);
    this.pending.clear();
  }
}

/**
 * The device that a choice comes to on this machine.
 * @throws {RuntimeError} where it is missing or does not start, naming those that do
 */
export async function resolveDevice(choice: DeviceChoice): Promise<Device> {
  if (choice === 'cpu') return 'cpu';
  const engine = new Engine({ threads: 1, device: choice });
  try {
    return await engine.device();
  } finally {
    await engine.close();
  }
}

/** Messages copy whole buffers: a view of a large file must become an array of its own first. */
function ownBuffer(tensor: Tensor): Tensor {
  const { data } = tensor;
  if (data.byteLength === data.buffer.byteLength) return tensor;
  return { ...tensor, data: data.slice() as TensorData };
}
