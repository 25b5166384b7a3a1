/** @file CLAP's front end as ONNX nodes, so that a model file takes waveforms. */
import { ShapeError } from '../../core/errors.ts';
import type { GraphBuilder, Value } from '../../onnx/index.ts';
import { wholeCopiesNodes } from '../../windows/index.ts';
import { bandDecibelNodes } from '../logMelNodes.ts';
import {
  type ClapSpec,
  checkClapSpec,
  clapBands,
  clapFrames,
  clapFullScale,
  clapWindow,
} from './clapSpec.ts';

/** ONNX's numbers of types. */
const [float32Type, int16Type] = [1, 5];

/**
 * Appends nodes that compute what {@link clapLogMel} computes, transformed in float64 as there, for every signal of a
 * batch.
 * @param waveform float32, shape [N, samples] at 48 kHz; both may be names. Of more than 480,000 samples at run time the
 *   first are heard
 * @returns shape [N, 64, 1001]
 * @throws {ShapeError} unless `waveform` is float32 of rank 2
 * @throws {ParameterError} for a known number of samples that is no window
 */
export function clapNodes(g: GraphBuilder, waveform: Value, spec: ClapSpec): Value {
  checkClapSpec(spec);
  const { dtype, shape } = waveform;
  if (dtype !== 'float32' || shape.length !== 2) {
    throw new ShapeError(
      `The front end clap takes a float32 waveform of shape [N, samples], got ${dtype} [${shape.join(', ')}].`,
    );
  }
  if (typeof shape[1] === 'number') clapFrames(shape[1]);
  const filled = wholeCopiesNodes(g, waveform, clapWindow.samples);
  return bandDecibelNodes(g, spec.int16 ? int16Nodes(g, filled) : filled, clapBands());
}

/** Casting to an integer rounds towards zero. */
function int16Nodes(g: GraphBuilder, x: Value): Value {
  const scale = g.scalar(clapFullScale);
  const scaled = g.op('Mul', [g.op('Clip', [x, g.scalar(-1), g.scalar(1)]), scale]);
  const whole = g.op('Cast', [scaled], { to: int16Type! });
  return g.op('Div', [g.op('Cast', [whole], { to: float32Type! }), scale]);
}
