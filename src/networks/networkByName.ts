/** @file The networks that can be asked for by name. */
import { ParameterError } from '../core/errors.ts';
import { type CnnOptions, cnn } from './cnn.ts';
import { edgel3 } from './edgel3.ts';
import type { Network } from './network.ts';
import { type Openl3Options, openl3 } from './openl3.ts';
import { type ResnetName, type ResnetOptions, resnet } from './resnet.ts';
import { type WhisperOptions, whisper } from './whisper/index.ts';
import { yamnet } from './yamnet.ts';

export type NetworkName = ResnetName | 'cnn' | 'openl3' | 'edgel3' | 'yamnet' | 'whisper';

/** What networks can be made with; each takes its own of these. */
export type NetworkOptions = ResnetOptions &
  CnnOptions &
  Openl3Options & { readonly whisper?: Omit<WhisperOptions, 'classes'> };

/**
 * How published weights are named in their file: `torchvision` (safetensors, by name), `keras` (HDF5, by order and
 * shape; safetensors with the names here too), or `huggingface` (a folder with config.json and safetensors).
 */
export type PublishedWeights = 'torchvision' | 'keras' | 'huggingface';

export interface NetworkEntry {
  readonly name: NetworkName;
  /** One line for help texts. */
  readonly description: string;
  /** Size [height, width] to which pictures are resized in the graph by default; null leaves them as they are. */
  readonly pictureSize: readonly [number, number] | null;
  /** Weights that are published for it; null where there are none. */
  readonly published: PublishedWeights | null;
  /**
   * Whether it means nothing without its weights: it is then refused without them, unless random ones are asked for by
   * that word.
   */
  readonly needsWeights: boolean;
  /** Whether it asks which frames of a picture are the clip's own, and can leave out what fills a window up. */
  readonly masksPadding?: boolean;
  create(options: NetworkOptions): Network;
}

function resnetEntry(name: ResnetName, parameters: string): NetworkEntry {
  return {
    name,
    description: `Residual network, ${name.slice(6)} layers, ${parameters} million parameters; takes ImageNet weights.`,
    pictureSize: [224, 224],
    published: 'torchvision',
    needsWeights: false,
    create: ({ pictureSize = [224, 224], ...options }) => resnet(name, { pictureSize, ...options }),
  };
}

function pretrained(name: NetworkName, description: string, create: NetworkEntry['create']): NetworkEntry {
  return {
    name,
    description,
    pictureSize: null,
    published: 'keras',
    needsWeights: true,
    create: (options) => {
      if (options.pictureSize !== undefined) {
        throw new ParameterError(`${name} takes pictures of one size only; they are not resized.`, {
          hint: 'Leave the picture size out.',
        });
      }
      return create(options);
    },
  };
}

const entries: Readonly<Record<NetworkName, NetworkEntry>> = {
  cnn: {
    name: 'cnn',
    description: 'Compact convolutional network for training from scratch on a CPU.',
    pictureSize: null,
    published: null,
    needsWeights: false,
    create: (options) => cnn(options),
  },
  resnet18: resnetEntry('resnet18', '11.2'),
  resnet34: resnetEntry('resnet34', '21.3'),
  resnet50: resnetEntry('resnet50', '23.5'),
  openl3: pretrained(
    'openl3',
    "OpenL3's audio network, 4.7 million parameters: embeddings of 6144 or 512 numbers.",
    openl3,
  ),
  edgel3: pretrained('edgel3', 'EdgeL3-SEA, 0.4 million parameters: embeddings of 64 numbers.', edgel3),
  whisper: {
    name: 'whisper',
    description: "Whisper's encoder under a classification head, sizes tiny to large-v3.",
    pictureSize: null,
    published: 'huggingface',
    needsWeights: false,
    masksPadding: true,
    create: ({ classes, whisper: options }) => {
      if (options === undefined) throw new ParameterError('A Whisper encoder needs a size.');
      return whisper({ classes, ...options });
    },
  },
  yamnet: pretrained('yamnet', 'YAMNet, 3.2 million parameters: embeddings of 1024 numbers.', yamnet),
};

/** All networks, for help texts. */
export const networks: readonly NetworkEntry[] = Object.values(entries);

/** The network of that name. @throws {ParameterError} that lists the names when there is none */
export function networkByName(name: string): NetworkEntry {
  if (!Object.hasOwn(entries, name)) {
    throw new ParameterError(`There is no network named '${name}'.`, {
      hint: `There are ${Object.keys(entries).join(', ')}.`,
    });
  }
  return entries[name as NetworkName];
}
