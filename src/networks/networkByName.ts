/** @file The networks that can be asked for by name. */
import { ParameterError } from '../core/errors.ts';
import { type CnnOptions, cnn } from './cnn.ts';
import type { Network } from './network.ts';
import { type ResnetName, type ResnetOptions, resnet } from './resnet.ts';

export type NetworkName = ResnetName | 'cnn';

export interface NetworkEntry {
  readonly name: NetworkName;
  /** One line for help texts. */
  readonly description: string;
  /** Size [height, width] to which pictures are resized in the graph by default; null leaves them as they are. */
  readonly pictureSize: readonly [number, number] | null;
  /** Whether weights in torchvision's naming are published for it. */
  readonly published: boolean;
  create(options: ResnetOptions & CnnOptions): Network;
}

function resnetEntry(name: ResnetName, parameters: string): NetworkEntry {
  return {
    name,
    description: `Residual network, ${name.slice(6)} layers, ${parameters} million parameters; takes ImageNet weights.`,
    pictureSize: [224, 224],
    published: true,
    create: ({ pictureSize = [224, 224], ...options }) => resnet(name, { pictureSize, ...options }),
  };
}

const entries: Readonly<Record<NetworkName, NetworkEntry>> = {
  cnn: {
    name: 'cnn',
    description: 'Compact convolutional network for training from scratch on a CPU.',
    pictureSize: null,
    published: false,
    create: (options) => cnn(options),
  },
  resnet18: resnetEntry('resnet18', '11.2'),
  resnet34: resnetEntry('resnet34', '21.3'),
  resnet50: resnetEntry('resnet50', '23.5'),
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
