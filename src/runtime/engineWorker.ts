/**
 * @file The worker thread behind {@link Engine}: sessions of onnxruntime-node (whose `run` blocks its thread) and
 * tensors that stay here between runs, such as parameters and optimiser state.
 */
import { parentPort } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';
import { allocate, type DType, sizeOf, type Tensor, type TensorData } from '../core/index.ts';
import type { EngineReply, EngineRequest, RunRequest } from './protocol.ts';

if (parentPort === null) throw new Error('engineWorker must run as a worker thread.');
const port = parentPort;

const sessions = new Map<number, ort.InferenceSession>();
const resident = new Map<string, ort.Tensor>();
/** Buffers that a kept output left behind: the next run writes there, so steps allocate nothing. */
const spare = new Map<string, ort.Tensor>();

// One request at a time, in order: a run must see the tensors that the run before it kept.
let queue = Promise.resolve();
port.on('message', (message: EngineRequest & { id: number }) => {
  queue = queue.then(() => serve(message));
});

async function serve(message: EngineRequest & { id: number }): Promise<void> {
  try {
    const { result, transfer } = await answer(message);
    const reply: EngineReply = { id: message.id, result };
    port.postMessage(reply, transfer);
  } catch (error) {
    const reply: EngineReply = {
      id: message.id,
      error: error instanceof Error ? error.message : String(error),
    };
    port.postMessage(reply);
  }
}

async function answer(message: EngineRequest): Promise<{ result?: unknown; transfer?: ArrayBuffer[] }> {
  switch (message.kind) {
    case 'load': {
      const session = await ort.InferenceSession.create(message.model, {
        executionProviders: ['cpu'],
        intraOpNumThreads: message.threads,
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        // Planned ahead, tensors of a training step take half as much memory again as allotted while it runs.
        enableMemPattern: false,
      });
      sessions.set(message.session, session);
      return {};
    }
    case 'unload':
      await sessions.get(message.session)?.release();
      sessions.delete(message.session);
      return {};
    case 'put':
      for (const [name, tensor] of message.tensors) {
        resident.set(name, toOrt(tensor));
        spare.delete(name);
      }
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

async function run(id: number, request: RunRequest): Promise<{ result: unknown; transfer: ArrayBuffer[] }> {
  const session = sessions.get(id);
  if (session === undefined) throw new Error(`there is no session ${id}`);
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, tensor] of Object.entries(request.feeds)) feeds[name] = toOrt(tensor);
  for (const name of request.resident) feeds[name] = residentTensor(name);
  const fetches: Record<string, ort.Tensor | null> = {};
  for (const name of request.fetch) fetches[name] = null;
  for (const [output, name] of Object.entries(request.keep))
    fetches[output] = spare.get(name) ?? blank(residentTensor(name));

  const outputs = await session.run(feeds, fetches);

  for (const [output, name] of Object.entries(request.keep)) {
    spare.set(name, residentTensor(name));
    resident.set(name, outputs[output]!);
  }
  const result: Record<string, Tensor> = {};
  const transfer = new Set<ArrayBuffer>();
  for (const name of request.fetch) {
    const { type, dims, data } = outputs[name]!;
    const array = data as TensorData;
    const whole = array.byteLength === array.buffer.byteLength ? array : array.slice();
    result[name] = { dtype: type as DType, dims, data: whole };
    transfer.add(whole.buffer as ArrayBuffer);
  }
  return { result, transfer: [...transfer] };
}

function residentTensor(name: string): ort.Tensor {
  const tensor = resident.get(name);
  if (tensor === undefined) throw new Error(`there is no resident tensor '${name}'`);
  return tensor;
}

function blank(like: ort.Tensor): ort.Tensor {
  const dtype = like.type as DType;
  return toOrt({ dtype, dims: like.dims, data: allocate(dtype, sizeOf(like.dims)) });
}

function toOrt(tensor: Tensor): ort.Tensor {
  return new ort.Tensor(tensor.dtype as 'float32', tensor.data as Float32Array, tensor.dims);
}
