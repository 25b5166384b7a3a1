/**
 * @file What is asked of one operator test: that the imported and written model gives what the file gives in ONNX
 * Runtime, that the inferred types are those of the results, and that the derived gradient agrees with central
 * differences of the *original* file.
 */
import { EarshotError, type Tensor } from '../../src/core/index.ts';
import {
  encodeModel,
  type GraphBuilder,
  importGraph,
  type Model,
  type TensorType,
} from '../../src/onnx/index.ts';
import type { SuiteCase } from './cases.ts';
import { checkGradient } from './checkGradient.ts';
import { difference, typeMismatch } from './compare.ts';
import { type Feeds, load, type Runnable, RunnerRefusal } from './runner.ts';

/**
 * right: as the original. refused: a typed error with a reason. wrong: anything else. not run: ONNX Runtime itself has
 * no kernel, so that there is nothing to compare. none: nothing to differentiate.
 */
export type Verdict = 'right' | 'refused' | 'wrong' | 'not run' | 'none';

export interface Finding {
  /** What of the model was known when it was imported. */
  readonly state: 'as it is' | 'integers known' | 'sizes open';
  readonly subject: 'forward' | 'gradient';
  readonly verdict: Verdict;
  /** Why, unless right. */
  readonly detail: string;
}

/** Checks a case in every state that it has. */
export async function checkCase(c: SuiteCase): Promise<Finding[]> {
  const feeds: Feeds = Object.fromEntries(
    c.model.graph.inputs.flatMap(({ name }, i) => (c.inputs[i] == null ? [] : [[name, c.inputs[i]]])),
  );
  const findings: Finding[] = [];
  let original: Runnable | null = null;
  try {
    original = await load(c.bytes);
  } catch (error) {
    if (!(error instanceof RunnerRefusal)) throw error;
  }
  try {
    const truth = await truthOf(c, original, feeds);
    for (const { state, model } of states(c.model, feeds)) {
      const imported = attempt(() => importGraph(model));
      const forward = await checkForward(imported, truth, feeds);
      findings.push({ state, subject: 'forward', ...forward });
      if (state === 'sizes open' || forward.verdict !== 'right' || !truth.deterministic) continue;
      findings.push({
        ...{ state, subject: 'gradient' },
        ...(await checkGradient(() => importGraph(model), original!, feeds, truth.outputs)),
      });
    }
  } finally {
    await original?.release();
  }
  return findings;
}

interface Truth {
  /** Results by name: those of ONNX Runtime, or of the case's files where that cannot run it. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly deterministic: boolean;
  readonly ran: boolean;
}

async function truthOf(c: SuiteCase, original: Runnable | null, feeds: Feeds): Promise<Truth> {
  try {
    if (original !== null) {
      const first = await original.run(feeds);
      let deterministic = true;
      // The first two runs of a session may draw the same random numbers, the third does not.
      for (let i = 0; i < 3; i++) {
        const next = await original.run(feeds);
        deterministic &&= Object.keys(first).every((name) => difference(first[name], next[name]) === '');
      }
      return { outputs: first, deterministic, ran: true };
    }
  } catch (error) {
    if (!(error instanceof RunnerRefusal)) throw error;
  }
  const written = c.model.graph.outputs.flatMap(({ name }, i) =>
    c.outputs[i] == null ? [] : [[name, c.outputs[i]] as const],
  );
  return { outputs: Object.fromEntries(written), deterministic: false, ran: false };
}

/** The model as it is, with all inputs that are no floats as constants, and with every size of its inputs open. */
function states(model: Model, feeds: Feeds): { state: Finding['state']; model: Model }[] {
  const { graph } = model;
  const found: { state: Finding['state']; model: Model }[] = [{ state: 'as it is', model }];
  const integers = graph.inputs.filter(({ name, dtype }) => !dtype.startsWith('float') && feeds[name]);
  if (integers.length > 0) {
    const initializers = new Map(graph.initializers);
    for (const { name } of integers) initializers.set(name, feeds[name]);
    const inputs = graph.inputs.filter((input) => !integers.includes(input));
    found.push({ state: 'integers known', model: { ...model, graph: { ...graph, inputs, initializers } } });
  }
  const open = graph.inputs.map((input) => ({
    ...input,
    // How many integers there are in a vector decides ranks, which stay fixed.
    shape:
      input.dtype === 'int64' && input.shape?.length === 1
        ? input.shape
        : (input.shape?.map((_, axis) => `${input.name}_${axis}`) ?? null),
  }));
  if (open.some((input) => input.shape !== null && input.shape.length > 0))
    found.push({ state: 'sizes open', model: { ...model, graph: { ...graph, inputs: open } } });
  return found;
}

type Attempt<T> = { readonly value: T } | { readonly refused: string } | { readonly broke: string };

/** A typed error is a refusal; any other is a fault. */
function attempt<T>(act: () => T): Attempt<T> {
  try {
    return { value: act() };
  } catch (error) {
    if (!(error instanceof EarshotError)) return { broke: String(error) };
    // The importer says this where a rule broke on what no valid file holds; the files here are valid.
    if (error.message.endsWith('is malformed.')) return { broke: `${error.message} ${String(error.cause)}` };
    return { refused: error.message };
  }
}

async function checkForward(
  imported: Attempt<GraphBuilder>,
  truth: Truth,
  feeds: Feeds,
): Promise<{ verdict: Verdict; detail: string }> {
  if ('refused' in imported) return { verdict: 'refused', detail: imported.refused };
  if ('broke' in imported) return { verdict: 'wrong', detail: imported.broke };
  const model = imported.value.model();
  let results: Record<string, Tensor>;
  try {
    const session = await load(encodeModel(model));
    try {
      results = await session.run(feeds);
    } finally {
      await session.release();
    }
  } catch (error) {
    if (!(error instanceof RunnerRefusal)) throw error;
    return { verdict: truth.ran ? 'wrong' : 'not run', detail: error.message };
  }
  for (const { name } of model.graph.outputs) {
    const inferred: TensorType = imported.value.find(name)!;
    const expected = truth.outputs[name];
    const got = results[name];
    if (expected === undefined) continue;
    const wrong =
      typeMismatch(inferred, got, model.graph.inputs, feeds) ||
      (truth.ran && !truth.deterministic ? '' : difference(got, expected));
    if (wrong !== '') return { verdict: 'wrong', detail: `${name}: ${wrong}` };
  }
  return { verdict: 'right', detail: '' };
}
