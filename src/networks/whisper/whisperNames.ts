/**
 * @file The names under which Whisper's weights are published: Hugging Face's (`model.encoder.layers.0.self_attn.…`,
 * `encoder.…` in a classifier) and OpenAI's (`encoder.blocks.0.attn.…`), and the encoder's shape read off its tensors.
 */
import { WeightsError } from '../../core/errors.ts';
import type { Tensor } from '../../core/tensor.ts';
import { checkWhisperConfig, type WhisperConfig } from './whisperConfig.ts';

/** OpenAI's names inside a block, and Hugging Face's inside a layer. */
const blockParts: Readonly<Record<string, string>> = {
  'attn.query': 'self_attn.q_proj',
  'attn.key': 'self_attn.k_proj',
  'attn.value': 'self_attn.v_proj',
  'attn.out': 'self_attn.out_proj',
  attn_ln: 'self_attn_layer_norm',
  'mlp.0': 'fc1',
  'mlp.2': 'fc2',
  mlp_ln: 'final_layer_norm',
};

/** What the encoder's own names begin with, under either scheme: an encoder may be published without the rest. */
const encoderParts =
  /^(?:conv[12]|embed_positions|layers\.\d+|layer_norm|positional_embedding|blocks\.\d+|ln_post)\b/;

/**
 * The parameter of {@link whisper} that a published tensor is, or null where it is of another part of the model (the
 * decoder, the output projection).
 */
export function whisperParameterName(published: string): string | null {
  const inside = /(?:^|\.)encoder\.(.+)$/.exec(published)?.[1];
  if (inside !== undefined) return `encoder.${huggingFaceName(inside)}`;
  if (/^(?:projector|classifier)\.|^layer_weights$/.test(published)) return published;
  return encoderParts.test(published) ? `encoder.${huggingFaceName(published)}` : null;
}

/** A name inside the encoder, as Hugging Face has it. */
function huggingFaceName(name: string): string {
  if (name === 'positional_embedding') return 'embed_positions.weight';
  const post = /^ln_post\.(.+)$/.exec(name);
  if (post !== null) return `layer_norm.${post[1]}`;
  const block = /^blocks\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
  if (block === null) return name;
  const [, index, part, kind] = block as unknown as [string, string, string, string];
  return `layers.${index}.${blockParts[part] ?? part}.${kind}`;
}

/** Width of an attention head in all published sizes. */
const headWidth = 64;

/**
 * The shape of an encoder, from its tensors (under any of the published names), where no `config.json` tells it. The
 * number of heads leaves no trace in the tensors: as in all published sizes, a head is 64 wide.
 * @param source how errors name the tensors' origin
 * @throws {WeightsError} when the tensors are not those of a Whisper encoder, or of one whose heads are of another width
 */
export function whisperConfigOfTensors(tensors: ReadonlyMap<string, Tensor>, source: string): WhisperConfig {
  const dims = new Map([...tensors].map(([name, { dims }]) => [whisperParameterName(name), dims]));
  const of = (name: string, axis: number): number => {
    const size = dims.get(name)?.[axis];
    if (size !== undefined) return size;
    throw new WeightsError(`${source} holds no Whisper encoder: there is no '${name}' in it.`, {
      hint: "The names of Hugging Face's checkpoints and of OpenAI's are known.",
    });
  };
  const width = of('encoder.conv1.weight', 0);
  const layers = [...dims.keys()].filter((name) => /^encoder\.layers\.\d+\.fc1\.weight$/.test(name ?? ''));
  if (width % headWidth !== 0) {
    throw new WeightsError(
      `${source} holds an encoder ${width} wide; how many attention heads that makes is not known.`,
      { hint: 'Put its config.json beside it.' },
    );
  }
  const config: WhisperConfig = {
    width,
    layers: layers.length,
    heads: width / headWidth,
    feedForward: of('encoder.layers.0.fc1.weight', 0),
    nMels: of('encoder.conv1.weight', 1),
    maxPositions: of('encoder.embed_positions.weight', 0),
    projection: dims.get('projector.weight')?.[0] ?? 256,
    weightedLayerSum: dims.has('layer_weights'),
  };
  checkWhisperConfig(config);
  return config;
}
