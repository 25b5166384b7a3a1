/** @file A derived gradient against central differences of the original file. */
import { gradients } from '../../src/autodiff/index.ts';
import { algebra } from '../../src/autodiff/vjp.ts';
import { allocate, EarshotError, Random, sizeOf, type Tensor } from '../../src/core/index.ts';
import { encodeModel, type GraphBuilder, type Model, type Value } from '../../src/onnx/index.ts';
import { numbersOf } from './compare.ts';
import { type Feeds, load, type Runnable, RunnerRefusal } from './runner.ts';

/** Steps relative to the size of an input's numbers: coarse ones drown rounding, fine ones curvature. */
const steps = [1e-2, 1e-3, 1e-4];
/** Of the directional derivative, or of a twentieth of what it could be. */
const tolerance = 1e-2;
/** The first point is the case's own; the others lie beside it, should that one be at a kink. */
const points = 4;

type Answer = { verdict: 'right' | 'refused' | 'wrong' | 'none'; detail: string };

/** Whether the gradient of Σ output · random by every float input is right. */
export async function checkGradient(
  imported: () => GraphBuilder,
  original: Runnable,
  feeds: Feeds,
  outputs: Readonly<Record<string, Tensor>>,
): Promise<Answer> {
  const random = new Random(1);
  const wrt = Object.keys(feeds).filter((name) => isReal(feeds[name]) && sizeOf(feeds[name].dims) > 0);
  const weights = new Map(
    Object.entries(outputs)
      .filter(([, t]) => isReal(t) && sizeOf(t.dims) > 0)
      .map(([name, t]) => [name, { ...t, data: filled(t, () => random.normal()) }]),
  );
  if (wrt.length === 0 || weights.size === 0) return { verdict: 'none', detail: '' };
  let model: Model;
  try {
    model = gradientOf(imported(), weights, wrt);
  } catch (error) {
    if (!(error instanceof EarshotError)) return { verdict: 'wrong', detail: `derivation: ${String(error)}` };
    return { verdict: 'refused', detail: error.message };
  }
  let session: Runnable;
  try {
    session = await load(encodeModel(model));
  } catch (error) {
    if (!(error instanceof RunnerRefusal)) throw error;
    return { verdict: 'wrong', detail: error.message };
  }
  try {
    let detail = '';
    for (let k = 0; k < points; k++) {
      const at = k === 0 ? feeds : jittered(feeds, wrt, random);
      if (k > 0 && !(await runs(original, at))) continue;
      let derived: Tensor[];
      try {
        derived = Object.values(await session.run(at));
      } catch (error) {
        if (!(error instanceof RunnerRefusal)) throw error;
        return { verdict: 'wrong', detail: error.message };
      }
      const found = await disagreement(derived, original, at, wrt, weights, random);
      if (found === '') return { verdict: 'right', detail: '' };
      detail = found ?? detail;
    }
    // Nowhere beside the point can the original be run, so that nothing can be said.
    return detail === '' ? { verdict: 'none', detail } : { verdict: 'wrong', detail };
  } finally {
    await session.release();
  }
}

const isReal = (t: Tensor) => t.dtype === 'float32' || t.dtype === 'float64';

function filled(t: Tensor, of: (i: number) => number): Float32Array | Float64Array {
  const data = allocate(t.dtype, sizeOf(t.dims)) as Float32Array | Float64Array;
  for (let i = 0; i < data.length; i++) data[i] = of(i);
  return data;
}

function gradientOf(g: GraphBuilder, weights: ReadonlyMap<string, Tensor>, wrt: readonly string[]): Model {
  const values = wrt.map((name) => g.find(name)!);
  let loss: Value | null = null;
  for (const [name, tensor] of weights) {
    const output = g.find(name)!;
    const weighted = g.op('Mul', [output, g.initializer(g.uniqueName(`${name}_weights`), tensor)]);
    const sum = algebra(g, weighted).reduceSum(
      weighted,
      weighted.shape.map((_, axis) => axis),
    );
    const whole = sum.dtype === 'float64' ? sum : g.op('Cast', [sum], { to: 11 });
    loss = loss === null ? whole : g.op('Add', [loss, whole]);
  }
  const derived = gradients(g, loss!, values);
  g.graph.outputs.length = 0;
  derived.forEach((gradient, i) => {
    g.output(gradient, g.uniqueName(`${wrt[i]}_grad`));
  });
  return g.model();
}

function jittered(feeds: Feeds, wrt: readonly string[], random: Random): Feeds {
  const moved = wrt.map((name) => {
    const t = feeds[name];
    const size = 0.1 * scaleOf(t);
    return [name, { ...t, data: filled(t, (i) => Number(t.data[i]) + random.uniform(-size, size)) }] as const;
  });
  return { ...feeds, ...Object.fromEntries(moved) };
}

/** Root mean square of the numbers, or 1 where they are all zero. */
function scaleOf(t: Tensor): number {
  const numbers = numbersOf(t).filter(Number.isFinite);
  return Math.sqrt(numbers.reduce((sum, v) => sum + v * v, 0) / Math.max(1, numbers.length)) || 1;
}

async function runs(original: Runnable, feeds: Feeds): Promise<boolean> {
  try {
    await original.run(feeds);
    return true;
  } catch (error) {
    if (error instanceof RunnerRefusal) return false;
    throw error;
  }
}

/** How gradient and differences disagree, empty where they agree, null where the original does not run at moved inputs. */
async function disagreement(
  derived: readonly Tensor[],
  original: Runnable,
  feeds: Feeds,
  wrt: readonly string[],
  weights: ReadonlyMap<string, Tensor>,
  random: Random,
): Promise<string | null> {
  /** The sum of absolute terms, of which rounding is a share. */
  let magnitude = 0;
  const lossAt = async (name: string, moved: Tensor): Promise<number> => {
    const found = await original.run({ ...feeds, [name]: moved });
    let sum = 0;
    magnitude = 0;
    for (const [output, w] of weights) {
      const data = found[output].data as Float32Array;
      for (let i = 0; i < data.length; i++) {
        // What is masked out may be infinite.
        if (!Number.isFinite(data[i])) continue;
        sum += data[i] * Number(w.data[i]);
        magnitude += Math.abs(data[i] * Number(w.data[i]));
      }
    }
    return sum;
  };
  for (const [k, name] of wrt.entries()) {
    const point = feeds[name];
    const gradient = derived[k];
    if (gradient.dims.join() !== point.dims.join() || gradient.dtype !== point.dtype)
      return `the gradient by ${name} is ${gradient.dtype}[${gradient.dims}], should be ${point.dtype}[${point.dims}]`;
    const direction = filled(point, () => random.normal());
    let analytic = 0;
    let square = 0;
    for (let i = 0; i < direction.length; i++) {
      analytic += Number(gradient.data[i]) * direction[i];
      square += (Number(gradient.data[i]) * direction[i]) ** 2;
    }
    const numerics: number[] = [];
    let agrees = false;
    for (const step of steps) {
      const h = step * scaleOf(point);
      const along = (sign: number) => ({
        ...point,
        data: filled(point, (i) => Number(point.data[i]) + sign * h * direction[i]),
      });
      const moved = [along(1), along(-1)];
      for (const at of moved) if (!(await runs(original, { ...feeds, [name]: at }))) return null;
      const numeric = ((await lossAt(name, moved[0])) - (await lossAt(name, moved[1]))) / (2 * h);
      numerics.push(numeric);
      const size = Math.max(Math.abs(analytic), Math.abs(numeric), Math.sqrt(square) / 2);
      const rounding = point.dtype === 'float64' ? 0 : (2 ** -22 * magnitude) / (steps[0] * scaleOf(point));
      if (Math.abs(analytic - numeric) <= tolerance * size + rounding) agrees = true;
      if (agrees) break;
    }
    if (!agrees) return `d/d${name} is ${analytic}, by differences ${numerics.join(', ')}`;
  }
  return '';
}
