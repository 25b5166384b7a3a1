/**
 * @file The worker thread behind {@link Engine}: sessions of onnxruntime-node (whose `run` blocks its thread) and
 * tensors that stay here between runs, such as parameters and optimiser state.
 */
import { MessageChannel, type MessagePort, parentPort } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';
import { type DType, float32, type Tensor, type TensorData, toPlainError } from '../core/index.ts';
import type { Device, DeviceChoice } from './device.ts';
import type { DeviceAnswer, EngineReply, EngineRequest, RunRequest } from './protocol.ts';

if (parentPort === null) throw new Error('engineWorker must run as a worker thread.');
const port = parentPort;

// What fails is told by the error; ONNX Runtime would print it to stderr besides.
ort.env.logLevel = 'fatal';

const sessions = new Map<number, ort.InferenceSession>();
const resident = new Map<string, ort.Tensor>();
/** Its other end is closed: what is transferred there is freed at once. */
const drain = closedPort();
let keepsMemory = false;

// One request at a time, in order: a run must see the tensors that the run before it kept.
let queue = Promise.resolve();
let closing = false;
port.on('message', (message: EngineRequest & { id: number }) => {
  if (message.kind === 'close') closing = true;
  queue = queue.then(() => {
    // What was asked for before the end and not begun is no longer wanted.
    if (!closing || message.kind === 'close') return serve(message);
  });
});

async function serve(message: EngineRequest & { id: number }): Promise<void> {
  try {
    const { result, transfer } = await answer(message);
    const reply: EngineReply = { id: message.id, result };
    port.postMessage(reply, transfer);
  } catch (error) {
    const reply: EngineReply = { id: message.id, error: toPlainError(error) };
    port.postMessage(reply);
  }
}

async function answer(message: EngineRequest): Promise<{ result?: unknown; transfer?: ArrayBuffer[] }> {
  switch (message.kind) {
    case 'device':
      return { result: await findDevice(message.choice) };
    case 'load': {
      const session = await ort.InferenceSession.create(message.model, {
        // What a device has no kernel for runs on the CPU.
        executionProviders: message.device === 'cpu' ? ['cpu'] : [message.device, 'cpu'],
        intraOpNumThreads: message.threads,
        graphOptimizationLevel: 'all',
        // A pattern is one block for all inner tensors, beside what the first run took: more memory, no faster.
        enableMemPattern: false,
        extra: { session: { intra_op: { allow_spinning: message.spinning ? '1' : '0' } } },
        logSeverityLevel: 3,
      });
      sessions.set(message.session, session);
      return {};
    }
    case 'unload':
      await sessions.get(message.session)?.release();
      sessions.delete(message.session);
      return {};
    case 'close':
      return end();
    case 'put':
      put(message.tensors);
      return {};
    case 'get': {
      const result = new Map<string, Tensor>();
      for (const name of message.names) {
        const tensor = residentTensor(name);
        result.set(name, { dtype: tensor.type as DType, dims: tensor.dims, data: tensor.data as TensorData });
      }
      return { result };
    }
    case 'run':
      return run(message.session, message);
  }
}

/** Ends this thread, at a point where no native code is under way. */
async function end(): Promise<never> {
  for (const session of sessions.values()) await session.release();
  return process.exit();
}

async function findDevice(choice: DeviceChoice): Promise<DeviceAnswer> {
  // Most engines never look for one.
  const { searchDevice } = await import('./device.ts');
  const listed = ort.listSupportedBackends().map(({ name }) => name);
  const found = await searchDevice(choice, listed, startDevice);
  const available: Device[] = [];
  if (found.device === null) {
    for (const other of ['cuda', 'webgpu', 'cpu'] as const) {
      if (other in found.failures) continue;
      const { device } = await searchDevice(other, listed, startDevice);
      if (device !== null) available.push(device);
    }
  }
  return { ...found, available };
}

/** Runs a graph of one node there. */
async function startDevice(device: Device): Promise<void> {
  const { encodeModel, GraphBuilder } = await import('../onnx/index.ts');
  const g = new GraphBuilder();
  g.output(g.op('Add', [g.input('x', 'float32', [1]), g.scalar(1)]), 'y');
  const session = await ort.InferenceSession.create(encodeModel(g.model()), {
    executionProviders: [device],
    logSeverityLevel: 4,
  });
  try {
    await session.run({ x: toOrt(float32([1], [1])) });
  } finally {
    await session.release();
  }
}

async function run(id: number, request: RunRequest): Promise<{ result: unknown; transfer: ArrayBuffer[] }> {
  const session = sessions.get(id);
  if (session === undefined) throw new Error(`there is no session ${id}`);
  if (Object.keys(request.keep).length > 0) keepMemory();
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, tensor] of Object.entries(request.feeds)) feeds[name] = toOrt(tensor);
  for (const name of request.resident) feeds[name] = residentTensor(name);
  const fetches: Record<string, ort.Tensor | null> = {};
  for (const name of [...request.fetch, ...Object.keys(request.keep)]) fetches[name] = null;

  const outputs = await session.run(feeds, fetches);

  for (const [output, name] of Object.entries(request.keep)) replace(name, outputs[output]);
  const result: Record<string, Tensor> = {};
  const transfer = new Set<ArrayBuffer>();
  for (const name of request.fetch) {
    const { type, dims, data } = outputs[name];
    const array = data as TensorData;
    const whole = array.byteLength === array.buffer.byteLength ? array : array.slice();
    result[name] = { dtype: type as DType, dims, data: whole };
    transfer.add(whole.buffer as ArrayBuffer);
  }
  return { result, transfer: [...transfer] };
}

/** Every resident tensor has a buffer of its own, since it is freed when the next one takes its place. */
function put(tensors: ReadonlyMap<string, Tensor>): void {
  const taken = new Set<ArrayBufferLike>();
  for (const [name, tensor] of tensors) {
    const data = taken.has(tensor.data.buffer) ? (tensor.data.slice() as TensorData) : tensor.data;
    taken.add(data.buffer);
    replace(name, toOrt({ ...tensor, data }));
  }
}

/** The old tensor's memory is freed at once: the garbage collector would keep two sets of parameters about. */
function replace(name: string, tensor: ort.Tensor): void {
  const old = resident.get(name);
  if (old !== undefined) free((old.data as TensorData).buffer as ArrayBuffer);
  resident.set(name, tensor);
}

/**
 * The C library gives large blocks back to the system, and takes new ones page by page at every step, which costs a
 * fifth of a ResNet-18's step. Having freed one block of the largest size that it adapts to (32 MiB), it keeps them. Not
 * before the first step: what parameters start from is given back when the first step has replaced it.
 */
function keepMemory(): void {
  if (keepsMemory) return;
  keepsMemory = true;
  free(new ArrayBuffer(32 * 2 ** 20 - 2 ** 16));
}

function free(buffer: ArrayBuffer): void {
  drain.postMessage(null, [buffer]);
}

function closedPort(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
}

function residentTensor(name: string): ort.Tensor {
  const tensor = resident.get(name);
  if (tensor === undefined) throw new Error(`there is no resident tensor '${name}'`);
  return tensor;
}

function toOrt(tensor: Tensor): ort.Tensor {
  return new ort.Tensor(tensor.dtype as 'float32', tensor.data as Float32Array, tensor.dims);
}
