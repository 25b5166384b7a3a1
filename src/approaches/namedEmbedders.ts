/**
 * @file The frozen networks that can be asked for by name. A new one is an entry in the table: which options apply to
 * it, and how it is opened (front end, windowing, weights, and the function that appends the network to a graph).
 */
import { ParameterError, Random, randomWeights, UsageError, untrainedWeights } from '../core/index.ts';
import { chooseWindowing, type EmbedderParts, type Windowing } from '../embeddings/browser.ts';
import {
  type FrontEndSpec,
  frontEndByName,
  frontEndFrames,
  openl3FrontEndName,
  openl3Variants,
} from '../features/index.ts';
import { hashFile } from '../files/index.ts';
import { openl3ModelName } from '../models/index.ts';
import {
  inferenceContext,
  initializeParameters,
  inputSettings,
  learntNumbers,
  type Network,
  type NetworkEntry,
  networkByName,
  networks,
  parameterSpecs,
  withInput,
} from '../networks/index.ts';
import { GraphBuilder } from '../onnx/index.ts';
import { openClap } from './clap/clapModel.ts';
import { clapAudioSide } from './clap/labelVectors.ts';
import { type EmbedderChoice, type EmbedderOption, usualWindowing } from './embedderChoice.ts';
import { openImportedModel } from './importedModel.ts';
import { chooseFrozenInput, sizeOfPicture } from './inputChoices.ts';
import { modelEmbedder, sizeSetting } from './modelEmbedder.ts';
import { readWeights, weightsFile } from './startingWeights.ts';

export interface NamedEmbedder {
  readonly name: string;
  /** One line for help texts. */
  readonly description: string;
  /** The options that apply to it; all others are refused. */
  readonly options: readonly EmbedderOption[];
  open(choice: EmbedderChoice): Promise<EmbedderParts>;
}

/** All of them. */
export const namedEmbedders: readonly NamedEmbedder[] = [
  openl3Embedder(),
  l3Embedder(),
  yamnetEmbedder(),
  clapEmbedder(),
  ...networks.filter(({ published }) => published === 'torchvision').map(pictureNetwork),
];

/** @throws {ParameterError} that lists the networks there are */
export function namedEmbedderByName(name: string): NamedEmbedder {
  const found = namedEmbedders.find((entry) => entry.name === name);
  if (found === undefined) {
    throw new ParameterError(`There is no network '${name}', and no such file.`, {
      hint: `There are ${namedEmbedders.map((entry) => entry.name).join(', ')}, whisper; or give the path of an ONNX model.`,
    });
  }
  return found;
}

function openl3Embedder(): NamedEmbedder {
  return {
    name: 'openl3',
    description: networkByName('openl3').description,
    options: [
      ...(['weights', 'inputRepr', 'contentType', 'embeddingSize'] as const),
      ...(['frontEnd', 'hopSeconds', 'center'] as const),
    ],
    open(choice) {
      const { inputRepr = 'mel256', contentType = 'music', embeddingSize = 6144 } = choice;
      const variant = openl3Variants.find((name) => name === (choice.frontEnd ?? 'kapre'));
      if (variant === undefined) {
        throw new ParameterError(`OpenL3 has no front end '${choice.frontEnd}'.`, {
          hint: `There are ${openl3Variants.join(', ')}.`,
        });
      }
      // A size that there is not is refused by the network.
      const size = embeddingSize as 512 | 6144;
      return pretrained(choice, {
        network: networkByName('openl3').create({ classes: 1, inputRepr, embeddingSize: size }),
        frontEnd: frontEndByName(openl3FrontEndName(inputRepr, variant)).spec({}),
        usual: secondsOfL3,
        published: openl3ModelName(inputRepr, contentType, size),
        settings: { inputRepr, contentType, embeddingSize },
      });
    },
  };
}

function l3Embedder(): NamedEmbedder {
  const { name, description, create } = networkByName('edgel3');
  return {
    name,
    description,
    options: ['weights', 'hopSeconds', 'center'],
    open: (choice) =>
      pretrained(choice, {
        network: create({ classes: 1 }),
        frontEnd: frontEndByName('edgel3-sea').spec({}),
        usual: secondsOfL3,
      }),
  };
}

function yamnetEmbedder(): NamedEmbedder {
  const { name, description, create } = networkByName('yamnet');
  return {
    name,
    description,
    options: ['weights', 'hopSeconds', 'center'],
    async open(choice) {
      // The network is also published as ONNX models, by others and under other names inside.
      if (choice.weights !== undefined && /\.onnx$/i.test(choice.weights)) {
        const model = await openImportedModel(choice.weights);
        if (!model.model.metadata.has('earshot')) {
          const { weights: _, ...windows } = choice;
          return modelEmbedder(model, { ...windows, frontEnd: 'yamnet', embedding: 'embedding' });
        }
      }
      return pretrained(choice, {
        network: create({ classes: 1 }),
        frontEnd: frontEndByName('yamnet').spec({}),
        usual: (spec) => usualWindowing(spec),
      });
    },
  };
}

function clapEmbedder(): NamedEmbedder {
  return {
    name: 'clap',
    description: "CLAP's audio encoder (unfused HTSAT): embeddings of 512 numbers, in one space with texts.",
    options: ['weights', 'hopSeconds', 'center'],
    async open(choice) {
      const clap = await openClap(choice.weights);
      const frontEnd = frontEndByName('clap').spec({});
      const windowing = chooseWindowing(usualWindowing(frontEnd), frontEnd.sampleRate, choice);
      return {
        ...{ network: 'clap', settings: {}, embedding: 'audio_embeds' },
        ...{ sampleRate: frontEnd.sampleRate, frontEnd, windowing, weights: clap.weights },
        parameters: clapAudioSide(clap).parameters,
        forward: clap.appendAudio,
      };
    },
  };
}

/** As the packages of the L3 family cut: a second every tenth of one, half a second of zeros before the first. */
function secondsOfL3({ sampleRate }: FrontEndSpec): Windowing {
  return {
    samples: sampleRate,
    hopSamples: Math.floor(0.1 * sampleRate),
    hopSeconds: 0.1,
    leading: Math.floor(sampleRate / 2),
    end: 'zeros',
    pad: 'zero',
  };
}

interface Pretrained {
  readonly network: Network;
  readonly frontEnd: FrontEndSpec;
  readonly usual: (spec: FrontEndSpec) => Windowing;
  /** Name of the published weights, where the network's name does not say it. */
  readonly published?: string;
  readonly settings?: EmbedderParts['settings'];
}

/** A network that comes trained on the raw pictures of one front end. */
async function pretrained(choice: EmbedderChoice, made: Pretrained): Promise<EmbedderParts> {
  const { network, frontEnd, usual, published, settings = {} } = made;
  const windowing = chooseWindowing(usual(frontEnd), frontEnd.sampleRate, choice);
  const path = await weightsFile(network.name, {
    weights: choice.weights ?? null,
    ...(published === undefined ? {} : { published }),
  });
  const { values, weights, parameters } = await frozenValues(network, frontEnd, windowing, path);
  return {
    ...{ network: network.name, settings, embedding: 'embedding' },
    ...{ sampleRate: frontEnd.sampleRate, frontEnd, windowing, weights, parameters },
    forward: (g, x) => network.forward(inferenceContext(g, values), x).embedding,
  };
}

/** All parameters, from the file of weights or random, and a sentence for what they are. */
async function frozenValues(
  network: Network,
  frontEnd: FrontEndSpec,
  windowing: Windowing,
  path: string | null,
) {
  const nFrames = frontEndFrames(windowing.samples, frontEnd);
  const specs = parameterSpecs(network, [1, 1, frontEnd.nMels, nFrames], new GraphBuilder());
  const values = initializeParameters(specs, new Random('embedder'));
  const head = network.stages.at(-1)!.prefixes;
  const parameters = learntNumbers(
    specs.filter(({ name }) => !head.some((prefix) => name.startsWith(prefix))),
  );
  if (path === null) {
    const description = untrainedWeights(network.name);
    return { values, parameters, weights: { description, sha256: randomWeights } };
  }
  const loaded = await readWeights(network, specs, path, { replaceHead: true });
  for (const [name, value] of loaded.values) values.set(name, value);
  return { values, parameters, weights: { description: loaded.description, sha256: await hashFile(path) } };
}

/** A network made for pictures, on log-mel pictures that are each standardised by their own mean and deviation. */
function pictureNetwork(entry: NetworkEntry): NamedEmbedder {
  return {
    name: entry.name,
    description: entry.description,
    options: [
      ...(['weights', 'sampleRate', 'nMels', 'pictureSize'] as const),
      ...(['pictureScaling', 'pictureRange'] as const),
      ...(['windowSeconds', 'hopSeconds', 'center'] as const),
    ],
    async open(choice) {
      if (choice.weights === undefined) {
        // A network that hears nothing must be asked for.
        throw new UsageError(`The network ${entry.name} needs its pretrained weights.`, {
          hint: 'Name the file with --weights. To try things out without, --weights random.',
        });
      }
      const { sampleRate, nMels, pictureSize } = choice;
      const frontEnd = frontEndByName('log-mel').spec({
        ...(sampleRate === undefined ? {} : { sampleRate }),
        ...(nMels === undefined ? {} : { nMels }),
      });
      const size = pictureSize === undefined ? null : sizeOfPicture(pictureSize);
      const network = entry.create({ classes: 1, ...(size === null ? {} : { pictureSize: size }) });
      const input = chooseFrozenInput(choice, 'clip', frontEnd.kind);
      const { scaling } = input;
      return pretrained(choice, {
        network: withInput(network, input),
        frontEnd,
        usual: (spec) => usualWindowing(spec, choice.windowSeconds),
        settings: {
          pictureSize: sizeSetting(size),
          // The usual scaling has no name in the settings of embeddings that were made before there were others.
          ...(scaling?.kind === 'clip' ? {} : { scaling: 'none', ...inputSettings(input) }),
        },
      });
    },
  };
}
