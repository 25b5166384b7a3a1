/** @file Every named front end, in both forms, against its golden vectors. */
import { CancelledError, float32, sizeOf } from '../core/index.ts';
import {
  type GoldenFrontEnd,
  goldenFrontEnds,
  goldenTolerance,
  type PictureError,
  type PictureTolerance,
  pictureError,
} from '../features/golden/goldenVectors.ts';
import { frontEndNodes, frontEndPicture } from '../features/index.ts';
import { GraphBuilder } from '../onnx/index.ts';
import { Engine } from '../runtime/index.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import { versions } from './versions.ts';

/** One form of one front end, over all golden signals. */
export interface ParityRow extends PictureError {
  readonly name: string;
  readonly version: number;
  /** Mel bands or bins. */
  readonly rows: number;
  /** `function`: on samples; `nodes`: as an ONNX graph in ONNX Runtime. */
  readonly form: 'function' | 'nodes';
  /** What the errors may be; those not named are only reported. */
  readonly tolerance: PictureTolerance;
  /** The errors of each golden signal. */
  readonly signals: readonly ({ readonly signal: string } & PictureError)[];
  readonly passed: boolean;
}

export interface ParityOutcome {
  readonly passed: boolean;
  readonly rows: readonly ParityRow[];
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
}

export type ParityOptions = Pick<WorkflowHooks, 'signal' | 'onProgress' | 'threads' | 'device'>;

/**
 * Runs every named front end on the golden signals, as a function and as nodes, and compares with what an independent
 * float64 program made of them.
 * @throws {CancelledError} when `signal` is aborted
 * @throws {RuntimeError} where the device is missing or a graph does not run
 * @throws {ParameterError} if this machine's arithmetic does not make the golden signals
 */
export async function parity(options: ParityOptions = {}): Promise<ParityOutcome> {
  const { signal, onProgress } = options;
  const engine = new Engine(engineOptions(options));
  try {
    const rows: ParityRow[] = [];
    const all = [...goldenFrontEnds()];
    for (const [i, golden] of all.entries()) {
      if (signal?.aborted) throw new CancelledError(`Stopped after ${i} of ${all.length} front ends.`);
      const asFunction = golden.cases.map(({ samples }) => frontEndPicture(samples, golden.spec).data);
      rows.push(row(golden, 'function', asFunction), row(golden, 'nodes', await runNodes(engine, golden)));
      onProgress?.({ task: 'Comparing', done: i + 1, total: all.length, unit: 'front ends' });
    }
    const passed = rows.every((r) => r.passed);
    return { passed, rows, device: await engine.device(), versions: versions() };
  } finally {
    await engine.close();
  }
}

function row(golden: GoldenFrontEnd, form: ParityRow['form'], pictures: readonly Float32Array[]): ParityRow {
  const { kind, version, nMels } = golden.spec;
  const signals = golden.cases.map((c, i) => ({
    signal: c.signal,
    ...pictureError(pictures[i], golden, c),
  }));
  const worst = (of: keyof PictureError) => Math.max(...signals.map((s) => s[of]));
  const errors: PictureError = {
    absolute: worst('absolute'),
    loud: worst('loud'),
    relative: worst('relative'),
  };
  const tolerance = goldenTolerance(form, kind);
  const name = 'context' in golden.spec && golden.spec.context === 'full' ? `${kind} (full context)` : kind;
  const passed = (Object.keys(tolerance) as (keyof PictureError)[]).every(
    (of) => errors[of] <= tolerance[of]!,
  );
  return { name, version, rows: nMels, form, ...errors, tolerance, signals, passed };
}

/** The pictures of all cases, as one batch through ONNX Runtime. */
async function runNodes(engine: Engine, { spec, cases }: GoldenFrontEnd): Promise<Float32Array[]> {
  const samples = cases[0].samples.length;
  const g = new GraphBuilder();
  g.output(frontEndNodes(g, g.input('waveform', 'float32', ['batch', samples]), spec), 'picture');
  const model = await engine.load(g.model());
  const batch = new Float32Array(cases.length * samples);
  for (const [i, c] of cases.entries()) batch.set(c.samples, i * samples);
  const feeds = { waveform: float32([cases.length, samples], batch) };
  const { picture } = await engine.run(model, { feeds, fetch: ['picture'] });
  await engine.unload(model);
  const data = picture!.data as Float32Array;
  const size = sizeOf(picture!.dims.slice(1));
  return cases.map((_, i) => data.subarray(i * size, (i + 1) * size));
}
