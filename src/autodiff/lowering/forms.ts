/**
 * @file The forms of a graph's values while it is lowered: in ONNX's layout, blocked, packed (a kernel), or a
 * convolution not yet appended because its consumer may add to it. A form is made when something asks for it.
 */
import { GraphError } from '../../core/errors.ts';
import { sizeOf } from '../../core/tensor.ts';
import { GraphBuilder, type Node, type Value } from '../../onnx/index.ts';
import type { Blocked, BlockedConv } from './blocked.ts';
import { pack, packable, scaleFilters, unpack } from './kernels.ts';
import * as plain from './plain.ts';

/** One value of the original graph in the forms that have been made of it. */
export interface Forms {
  readonly type: Value;
  plain: Value | null;
  blocked: Value | null;
  packed: Value | null;
  /** Appended, with what has been added to it, when somebody asks for the result. */
  readonly pending: BlockedConv | null;
  readonly added: Value | null;
  /** Made element by element in the blocked layout: how to make it again in ONNX's, where it is no float. */
  readonly again: Node | null;
  /** This value is `of` times a number per channel, not yet multiplied. */
  readonly scaled: { readonly of: Forms; readonly scale: Value } | null;
}

/** An empty graph in the same operator set, in which the names of `source` are only given to what is meant. */
export function emptyLike(source: GraphBuilder): GraphBuilder {
  const { graph, opset } = source;
  const reserved = [...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs)];
  reserved.push(...graph.inputs.map((v) => v.name), ...graph.outputs.map((v) => v.name));
  const g = new GraphBuilder({ opset, name: graph.name, reserved });
  g.declareDomains(source.declaredDomains());
  return g;
}

/** All values of one graph, by name. */
export class FormTable {
  private readonly source: GraphBuilder;
  private readonly g: GraphBuilder;
  private readonly layout: Blocked | null;
  private readonly forms = new Map<string, Forms>();

  /** @param source the graph being lowered; @param g the one being made */
  constructor(source: GraphBuilder, g: GraphBuilder, layout: Blocked | null) {
    this.source = source;
    this.g = g;
    this.layout = layout;
  }

  define(name: string, made: Partial<Omit<Forms, 'type'>>): void {
    const type = this.source.find(name)!;
    const none = {
      plain: null,
      blocked: null,
      packed: null,
      pending: null,
      added: null,
      again: null,
      scaled: null,
    };
    this.forms.set(name, { type, ...none, ...made });
  }

  has(name: string): boolean {
    return this.forms.has(name);
  }

  of(name: string): Forms {
    const known = this.forms.get(name);
    if (known !== undefined) return known;
    const tensor = this.source.graph.initializers.get(name);
    if (tensor === undefined) throw new GraphError(`'${name}' is used before it is computed.`);
    const small = tensor.data.length <= 32;
    this.define(name, { plain: small ? this.g.constant(tensor) : this.g.initializer(name, tensor) });
    return this.forms.get(name)!;
  }

  /** ONNX's layout. */
  plain(v: Forms): Value {
    if (v.plain !== null) return v.plain;
    if (v.packed !== null && v.type.dtype === 'float32') {
      v.plain = unpack(this.layout!, v.packed);
      return v.plain;
    }
    if (v.scaled !== null && v.scaled.of.blocked === null && v.scaled.of.pending === null) {
      v.plain = plain.channelAffine(this.g, this.plain(v.scaled.of), v.scaled.scale, null, null);
      return v.plain;
    }
    if (v.again !== null && v.type.dtype !== 'float32') {
      const inputs = v.again.inputs.map((name) => (name === '' ? null : this.plain(this.of(name))));
      v.plain = this.g.addNode({ ...v.again, outputs: [this.g.uniqueName(v.type.name)] }, inputs)[0];
      return v.plain;
    }
    v.plain = this.layout!.leave(this.blocked(v));
    return v.plain;
  }

  /** The blocked form; the caller knows that there can be one. */
  blocked(v: Forms, activation: 'Relu' | null = null): Value {
    if (v.blocked !== null) return v.blocked;
    const layout = this.layout!;
    if (v.pending !== null) {
      const result = layout.conv(v.pending, v.added, activation);
      if (activation === null) v.blocked = result;
      return result;
    }
    if (v.scaled !== null)
      v.blocked = layout.conv(layout.affine(this.blocked(v.scaled.of), v.scaled.scale, null));
    else v.blocked = layout.enter(this.plain(v));
    return v.blocked;
  }

  /** The packed form; the caller knows that there can be one. */
  packed(v: Forms): Value {
    v.packed ??= pack(this.layout!, this.plain(v));
    return v.packed;
  }

  /** The packed form times a number per filter. */
  packedTimes(v: Forms, factor: Value | null): Value {
    return factor === null ? this.packed(v) : scaleFilters(this.layout!, this.packed(v), factor);
  }

  /** Whether the value already is, or comes out, blocked. */
  isBlocked(v: Forms): boolean {
    return v.blocked !== null || v.pending !== null || (v.scaled !== null && this.isBlocked(v.scaled.of));
  }

  /** Whether the value is packed and nothing else. */
  isPacked(v: Forms): boolean {
    return v.packed !== null && v.plain === null;
  }

  canBlock(v: Forms): boolean {
    const { shape, dtype } = v.type;
    return (
      this.layout !== null &&
      dtype === 'float32' &&
      shape.length === 4 &&
      shape.every((d) => typeof d === 'number') &&
      this.layout.fits(shape[1] as number)
    );
  }

  canPack(v: Forms): boolean {
    const { layout } = this;
    return this.canBlock(v) && packable(v.type.shape as readonly number[], layout!.size);
  }
}

/** Number of elements; not a number where a size has only a name. */
export function sizeOfType(v: Value): number {
  return v.shape.every((d) => typeof d === 'number') ? sizeOf(v.shape as readonly number[]) : Number.NaN;
}
