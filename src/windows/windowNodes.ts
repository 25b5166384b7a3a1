/** @file Cutting as ONNX nodes: what a model does with the waveform that it is given. */
import { ParameterError } from '../core/errors.ts';
import { int64 } from '../core/tensor.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { type Filling, type Windowing, windowCount } from './windowing.ts';

/**
 * Appends nodes that make every signal of a batch one window: a shorter one is filled, of a longer one the first `samples`
 * are kept. Signals that nothing fills (`none`, `mask`) get zeros here, as the window has one shape.
 * @param waveform float32, shape [batch, any], at least one sample
 * @returns shape [batch, samples]
 */
export function windowNodes(g: GraphBuilder, waveform: Value, samples: number, pad: Filling): Value {
  if (pad === 'copies') return wholeCopiesNodes(g, waveform, samples);
  if (pad !== 'repeat') {
    const padded = g.op('Pad', [waveform, g.ints([0, samples]), g.scalar(0), g.ints([1])]);
    const cut = g.op('Slice', [padded, g.ints([0]), g.ints([samples]), g.ints([1])]);
    // Says what shape inference cannot know of a slice of an unknown length.
    return g.op('Reshape', [cut, g.ints([0, samples])]);
  }
  const length = g.op('Gather', [g.op('Shape', [waveform]), scalar(g, 1)], { axis: 0 });
  return g.op('Gather', [waveform, g.op('Mod', [positions(g, samples, 'window_positions'), length])], {
    axis: 1,
  });
}

/**
 * Appends nodes that do what `wholeCopies` does, for every signal of a batch; of a longer one they keep the first `n` samples.
 * @param waveform float32, shape [N, samples]; both may be names, samples ≥ 1 at run time
 * @returns shape [N, n]
 */
export function wholeCopiesNodes(g: GraphBuilder, waveform: Value, n: number): Value {
  if (waveform.shape[1] === n) return waveform;
  const places = positions(g, n);
  const given = g.op('Gather', [g.op('Shape', [waveform]), scalar(g, 1)], { axis: 0 });
  const length = g.op('Min', [given, scalar(g, n)]);
  const repeated = g.op('Gather', [waveform, g.op('Mod', [places, length])], { axis: 1 });
  const copied = g.op('Mul', [g.op('Div', [scalar(g, n), length]), length]);
  return g.op('Where', [g.op('Less', [places, copied]), repeated, g.scalar(0)]);
}

/**
 * Appends nodes that cut every signal of a batch into windows: as many as there are of the samples that there are. Beyond the
 * end lie zeros; or windows that would reach there are moved back, and a signal shorter than a window is repeated.
 * @param waveform float32, shape [batch, any]; of more than `most` samples the first are heard
 * @returns shape [batch · windows, windowing.samples]
 * @throws {ParameterError} for a windowing that ends or fills otherwise
 */
export function slidingWindowNodes(
  g: GraphBuilder,
  waveform: Value,
  most: number,
  windowing: Windowing,
): Value {
  const { samples, hopSamples, leading, end, pad, tolerance = 0 } = windowing;
  if (end === 'short' || (end === 'back' && pad !== 'repeat'))
    throw new ParameterError(`Windows that end '${end}' and are filled by '${pad}' cannot be cut by nodes.`);
  const all =
    end === 'zeros'
      ? windowsBeforeZeros(g, waveform, most, windowing)
      : windowsMovedBack(g, waveform, most, windowing);
  // ⌈(length + leading − samples − tolerance) / hop⌉ + 1, at least 1. Slicing ends at the largest count.
  const offset = leading - samples - Math.min(tolerance, hopSamples - 1) + hopSamples - 1;
  const beyond = g.op('Max', [g.op('Add', [lengthOf(g, waveform), g.ints([offset])]), g.ints([0])]);
  const used = g.op('Add', [g.op('Div', [beyond, g.ints([hopSamples])]), g.ints([1])]);
  return g.op('Reshape', [g.op('Slice', [all, g.ints([0]), used, g.ints([1])]), g.ints([-1, samples])]);
}

/** Samples of a waveform [batch, samples], as [1]. */
function lengthOf(g: GraphBuilder, waveform: Value): Value {
  return g.op('Slice', [g.op('Shape', [waveform]), g.ints([1]), g.ints([2]), g.ints([0])]);
}

/** All windows of `most` samples, [batch, windows, samples]; behind the waveform lie zeros. */
function windowsBeforeZeros(g: GraphBuilder, waveform: Value, most: number, windowing: Windowing): Value {
  const { samples, hopSamples, leading } = windowing;
  const count = windowCount(most, windowing);
  const total = (count - 1) * hopSamples + samples;
  const axis = g.ints([1]);
  const heard = g.op('Slice', [waveform, g.ints([0]), g.ints([most]), axis]);
  const filled = g.op('Pad', [heard, g.ints([leading, total]), g.scalar(0), axis]);
  const cut = g.op('Slice', [filled, g.ints([0]), g.ints([total]), axis]);
  // Says what shape inference cannot know of a slice of an unknown length.
  const signal = g.op('Reshape', [cut, g.ints([0, total])]);
  const windows = Array.from({ length: count }, (_, i) =>
    g.op('Unsqueeze', [
      g.op('Slice', [signal, g.ints([i * hopSamples]), g.ints([i * hopSamples + samples]), axis]),
      axis,
    ]),
  );
  return windows.length === 1 ? windows[0] : g.op('Concat', windows, { axis: 1 });
}

/**
 * All windows of `most` samples, [batch, windows, samples]; those that would end behind the waveform are moved back to end
 * with it, and a waveform shorter than a window is repeated.
 */
function windowsMovedBack(g: GraphBuilder, waveform: Value, most: number, windowing: Windowing): Value {
  const { samples, hopSamples, leading } = windowing;
  const count = windowCount(most, windowing);
  const heard = g.op('Slice', [waveform, g.ints([0]), g.ints([most]), g.ints([1])]);
  const length = lengthOf(g, heard);
  const lastStart = g.op('Max', [g.op('Add', [length, g.ints([leading - samples])]), g.ints([0])]);
  const range = (n: number, step: number) => Array.from({ length: n }, (_, i) => i * step);
  const starts = g.op('Min', [g.constant(int64([count, 1], range(count, hopSamples)), 'starts'), lastStart]);
  const place = g.op('Add', [starts, g.constant(int64([1, samples], range(samples, 1)), 'places')]);
  // Counted from the first leading zero: those first, then the waveform again and again.
  const behind = g.op('Sub', [place, g.ints([leading])]);
  const repeated = g.op('Add', [g.op('Mod', [behind, length]), g.ints([leading])]);
  const index =
    leading === 0 ? repeated : g.op('Where', [g.op('Less', [place, g.ints([leading])]), place, repeated]);
  const led = leading === 0 ? heard : g.op('Pad', [heard, g.ints([leading, 0]), g.scalar(0), g.ints([1])]);
  return g.op('Gather', [led, index], { axis: 1 });
}

function scalar(g: GraphBuilder, value: number): Value {
  return g.constant(int64([], [value]));
}

/** 0 … n − 1, counted when the graph runs: as a table it was a quarter of a small model's file. */
function positions(g: GraphBuilder, n: number, name?: string): Value {
  return g.op('Range', [scalar(g, 0), scalar(g, n), scalar(g, 1)], {}, name === undefined ? {} : { name });
}
