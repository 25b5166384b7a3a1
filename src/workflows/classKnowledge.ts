/** @file What clips become and what is known of their classes: vectors of both, from what a user names. */
import {
  type ClapModel,
  type ClipVectors,
  clapName,
  clapVectors,
  type EmbedderChoice,
  embedLabels,
  openChosenClap,
  openVectors,
  promptedClasses,
} from '../approaches/index.ts';
import { matrixOf } from '../classifiers/index.ts';
import { UsageError } from '../core/index.ts';
import type { Pooling } from '../embeddings/browser.ts';
import { clapSpec } from '../features/index.ts';
import { Engine } from '../runtime/index.ts';
import type { ClassVectors } from '../zeroShot/index.ts';
import { openClassVectors } from './classVectorFile.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';

/** One network, as it is: whether it knows the unseen classes already is for its makers to say. */
export interface FrozenSource {
  readonly kind: 'frozen';
  readonly embedder: EmbedderChoice;
  readonly pooling?: Pooling;
}

/** How classes become sentences, for a network that takes sentences. */
export interface ClassPrompts {
  /** Sentences with `{}` in the place of the class; default CLAP's own. */
  readonly templates?: readonly string[];
  /** A file of classes with descriptions. */
  readonly labelsFile?: string;
}

export interface ClassKnowledgeOptions {
  /** A table's name or a file; default: prompts with CLAP, else the table here that knows the classes. */
  readonly classVectors?: string;
  readonly prompts?: ClassPrompts;
}

/**
 * The vectors of clips and those of classes.
 * @param source a frozen network; null where one is trained later
 * @throws {UsageError} for prompts without CLAP, or beside class vectors
 * @throws what `openVectors` and {@link openClassVectors} throw
 */
export async function openClassKnowledge(
  source: FrozenSource | null,
  { classVectors, prompts }: ClassKnowledgeOptions,
  classes: readonly string[],
  hooks: WorkflowHooks,
): Promise<{ readonly clips: ClipVectors | null; readonly vectors: ClassVectors }> {
  const speaks = source?.embedder.network === clapName && classVectors === undefined;
  if (prompts !== undefined && !speaks) {
    throw new UsageError(
      classVectors === undefined
        ? 'Prompts say what a class is to CLAP, and no other network takes sentences.'
        : 'What is known of the classes comes from prompts or from --class-vectors, not from both.',
      { hint: classVectors === undefined ? 'Add --network clap.' : 'Leave one of them out.' },
    );
  }
  if (!speaks) {
    const vectors = await openClassVectors(classVectors, classes);
    return {
      clips: source === null ? null : await openVectors(source.embedder, source.pooling ?? 'mean'),
      vectors,
    };
  }
  const clap = await openChosenClap(source.embedder);
  return {
    clips: clapVectors(clap, clapSpec),
    vectors: await promptVectors(clap, classes, prompts ?? {}, hooks),
  };
}

/** Classes as directions in CLAP's space. */
async function promptVectors(
  clap: ClapModel,
  classes: readonly string[],
  { templates, labelsFile }: ClassPrompts,
  hooks: WorkflowHooks,
): Promise<ClassVectors> {
  const labels = await promptedClasses(classes, templates, labelsFile);
  const engine = new Engine(engineOptions(hooks));
  try {
    const { size, data } = await embedLabels(clap, labels, engine);
    const rows = classes.map((_, i) => Float64Array.from(data.subarray(i * size, (i + 1) * size)));
    const [{ label, prompts }] = labels as [(typeof labels)[number]];
    const source = `Class vectors from prompts by the same model, such as ${prompts.map((text) => `“${text}”`).join(', ')} for ${label}.`;
    return { classes, attributes: null, matrix: matrixOf(rows), source, shared: true };
  } finally {
    await engine.close();
  }
}
