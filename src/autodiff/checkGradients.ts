/**
 * @file Compares derived gradients with central differences, so that a new rule can be trusted.
 * The evaluator is passed in: this module knows graphs, not runtimes.
 */
import { ParameterError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { allocate, sizeOf, type Tensor } from '../core/tensor.ts';
import { GraphBuilder, isFloat, type Model, type Value } from '../onnx/index.ts';
import { gradients } from './gradients.ts';
import { algebra } from './vjp.ts';

/** Runs a model once. */
export type Evaluate = (
  model: Model,
  feeds: Readonly<Record<string, Tensor>>,
) => Promise<Record<string, Tensor>>;

export interface CheckGradientsOptions {
  readonly evaluate: Evaluate;
  /** Inputs to check by; default all float inputs. */
  readonly wrt?: readonly string[];
  /** Step of the central difference; default 1e-5 for float64 and 1e-2 for float32. */
  readonly step?: number;
  /** Directions drawn per input; default 3. */
  readonly directions?: number;
  readonly seed?: number;
  /** Operator set of the graphs; default the builder's. */
  readonly opset?: number;
}

export interface GradientCheck {
  readonly input: string;
  /** Derivative along a random direction, from the gradient graph and from differences. */
  readonly analytic: number;
  readonly numeric: number;
  /** |analytic − numeric| / max(1, |analytic|, |numeric|) */
  readonly error: number;
}

/**
 * For each input, compares directional derivatives of a random weighting of the outputs.
 * @param build appends the computation under test to the builder and returns its float outputs
 * @param inputs values at which to check; float64 wherever the runtime has a float64 kernel
 * @returns one record per input and direction; the caller decides what error is acceptable
 */
export async function checkGradients(
  build: (g: GraphBuilder, inputs: Readonly<Record<string, Value>>) => readonly Value[],
  inputs: Readonly<Record<string, Tensor>>,
  options: CheckGradientsOptions,
): Promise<GradientCheck[]> {
  const random = new Random(options.seed ?? 0);
  const names = options.wrt ?? Object.keys(inputs).filter((name) => isFloat(inputs[name].dtype));
  for (const name of names) {
    if (inputs[name] === undefined)
      throw new ParameterError(`There is no input '${name}' to differentiate by.`);
  }
  const weightsOf = new Map<string, Tensor>();
  const construct = (withGradient: boolean): Model => {
    const g = new GraphBuilder(options.opset === undefined ? {} : { opset: options.opset });
    const values: Record<string, Value> = {};
    for (const [name, t] of Object.entries(inputs)) values[name] = g.input(name, t.dtype, t.dims);
    const outputs = build(g, values);
    let loss: Value | null = null;
    outputs.forEach((output, i) => {
      const key = `weights${i}`;
      const weights = weightsOf.get(key) ?? randomLike(output, random);
      weightsOf.set(key, weights);
      const weighted = g.op('Mul', [output, g.initializer(g.uniqueName(key), weights)]);
      const sum = algebra(g, weighted).reduceSum(
        weighted,
        output.shape.map((_, k) => k),
      );
      loss = loss === null ? sum : g.op('Add', [loss, sum]);
    });
    if (loss === null) throw new ParameterError('There is no output to differentiate.');
    if (withGradient) {
      gradients(
        g,
        loss,
        names.map((name) => values[name]),
      ).forEach((value, i) => {
        g.output(value, `${names[i]}_grad`);
      });
    } else g.output(loss, 'loss');
    return g.model();
  };

  const analytic = await options.evaluate(construct(true), inputs);
  const plain = construct(false);
  const lossAt = async (name: string, moved: Tensor): Promise<number> =>
    Number((await options.evaluate(plain, { ...inputs, [name]: moved }))['loss'].data[0]);

  const checks: GradientCheck[] = [];
  for (const name of names) {
    const point = inputs[name];
    const gradient = analytic[`${name}_grad`].data as Float64Array;
    const step = options.step ?? (point.dtype === 'float64' ? 1e-5 : 1e-2);
    for (let k = 0; k < (options.directions ?? 3); k++) {
      const direction = Float64Array.from({ length: sizeOf(point.dims) }, () => random.normal());
      const along = (sign: number): Tensor => {
        const data = allocate(point.dtype, direction.length) as Float64Array;
        for (let i = 0; i < data.length; i++) data[i] = Number(point.data[i]) + sign * step * direction[i];
        return { ...point, data };
      };
      const numeric = ((await lossAt(name, along(1))) - (await lossAt(name, along(-1)))) / (2 * step);
      let dot = 0;
      for (let i = 0; i < direction.length; i++) dot += Number(gradient[i]) * direction[i];
      const error = Math.abs(dot - numeric) / Math.max(1, Math.abs(dot), Math.abs(numeric));
      checks.push({ input: name, analytic: dot, numeric, error });
    }
  }
  return checks;
}

function randomLike(value: Value, random: Random): Tensor {
  const shape = value.shape as readonly number[];
  const data = allocate(value.dtype, sizeOf(shape)) as Float64Array;
  for (let i = 0; i < data.length; i++) data[i] = random.normal();
  return { dtype: value.dtype, dims: shape, data };
}
