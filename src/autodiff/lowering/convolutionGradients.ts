/** @file Gradients of convolutions, each in the form that is fastest where its operands stand. */
import { sizeOf } from '../../core/tensor.ts';
import type { GraphBuilder, Node, Value } from '../../onnx/index.ts';
import type { Blocked } from './blocked.ts';
import type { Forms, FormTable } from './forms.ts';
import { mirror, mirrorFilters, packGradient, scaleFilters, unpackGradient } from './kernels.ts';
import * as plain from './plain.ts';

/** Where nodes go, and what has been made so far. */
export interface LoweringSite {
  readonly g: GraphBuilder;
  readonly forms: FormTable;
  readonly blocked: Blocked | null;
  /** Kernels' gradients are wanted packed. */
  readonly packs: boolean;
}

/** Gradient of a convolution's input. @param dy gradient of what came out; @param kernel what it was convolved with */
export function inputGradient(
  site: LoweringSite,
  node: Node,
  q: plain.Geometry,
  dy: Forms,
  kernel: Forms,
): Partial<Forms> {
  const { g, forms } = site;
  // A factor per channel of dy is one per filter of the kernel, which is smaller.
  const [from, factor] = dy.scaled === null ? [dy, null] : [dy.scaled.of, dy.scaled.scale];
  const pending = blockedInputGradient(site, q, from, kernel, factor);
  if (pending !== null) return pending;
  const w = timesFilters(g, q, forms.plain(kernel), factor);
  return { plain: plain.inputGradient({ g, node }, q, w, forms.plain(from)) };
}

/** A kernel in ONNX's layout times a number per filter. */
function timesFilters(g: GraphBuilder, q: plain.Geometry, w: Value, factor: Value | null): Value {
  if (factor === null) return w;
  return g.op('Mul', [w, g.op('Reshape', [factor, g.ints([q.filters, ...w.shape.slice(1).map(() => 1)])])]);
}

function isDepthwise(q: plain.Geometry): boolean {
  return q.group > 1 && q.group === q.channels && q.group === q.filters;
}

function blockedInputGradient(
  { g, forms, blocked }: LoweringSite,
  q: plain.Geometry,
  dy: Forms,
  kernel: Forms,
  factor: Value | null,
): Partial<Forms> | null {
  if (blocked === null || !forms.canBlock(dy) || !blocked.fits(q.channels)) return null;
  const depthwise = isDepthwise(q);
  if (q.group !== 1 && !depthwise) return null;
  const mirrored = () =>
    depthwise
      ? mirrorFilters(blocked, timesFilters(g, q, forms.plain(kernel), factor))
      : mirror(blocked, forms.packedTimes(kernel, factor));
  const strided = q.strides.some((s) => s !== 1);
  const point = q.kernel.every((k) => k === 1) && q.pads.every((p) => p === 0);
  const grown = q.out.map((size, i) => size * q.strides[i]);
  const shape = [q.batch, q.channels, ...q.spatial];
  if (strided && point && !depthwise) {
    if (grown.some((size, i) => size !== q.spatial[i])) return null;
    const small = blocked.conv({
      x: forms.blocked(dy),
      w: mirrored(),
      bias: null,
      ints: { kernel_shape: q.kernel },
      shape: [q.batch, q.channels, ...q.out],
    });
    return { blocked: blocked.dilated(small, q.strides) };
  }
  if (strided && !depthwise) {
    if (!blocked.leavesNoRest(q)) return null;
    return { blocked: blocked.stridedInputGradient(forms.blocked(dy), mirrored(), q) };
  }
  const reach = q.kernel.map((k, i) => (k - 1) * q.dilations[i]);
  const before = reach.map((r, i) => r - q.pads[i]);
  const after = q.spatial.map((size, i) => size - grown[i] - before[i] + reach[i]);
  if ([...before, ...after].some((p) => p < 0)) return null;
  const x = strided ? blocked.dilated(forms.blocked(dy), q.strides) : forms.blocked(dy);
  const ints = {
    kernel_shape: q.kernel,
    dilations: q.dilations,
    pads: [...before, ...after],
    group: q.group,
  };
  return { pending: { x, w: mirrored(), bias: null, ints, shape } };
}

/** Gradient of a kernel. @param x what it slid over; @param dy gradient of what came out */
export function weightGradient(
  site: LoweringSite,
  node: Node,
  q: plain.Geometry,
  x: Forms,
  dy: Forms,
): Partial<Forms> {
  const { g, forms, blocked, packs } = site;
  if (dy.scaled !== null) {
    const gradient = weightGradient(site, node, q, x, dy.scaled.of);
    const { scale } = dy.scaled;
    if (gradient.packed) return { packed: scaleFilters(blocked!, gradient.packed, scale) };
    return { plain: timesFilters(g, q, gradient.plain!, scale) };
  }
  if (isDepthwise(q) && forms.canBlock(x) && forms.canBlock(dy)) {
    const gradient = blocked!.depthwiseWeightGradient(forms.blocked(x), forms.blocked(dy), q);
    if (gradient !== null) return { plain: gradient };
  }
  const area = sizeOf(q.kernel);
  if (q.group === 1 && area > 1 && area <= 49 && forms.canBlock(dy)) {
    const before = q.pads.slice(0, 2);
    // Just as much around the picture as the kernel reaches.
    const after = before.map(
      (p, i) => (q.kernel[i] - 1) * q.dilations[i] + (q.out[i] - 1) * q.strides[i] + 1 - q.spatial[i] - p,
    );
    const pads = [...before, ...after];
    const around =
      forms.canBlock(x) && forms.isBlocked(x)
        ? blocked!.leave(blocked!.paddedBlocked(forms.blocked(x), pads))
        : blocked!.padded(forms.plain(x), pads);
    const gradient = blocked!.weightGradient(around, forms.blocked(dy), q);
    if (packs && blocked!.fits(q.channels)) return { packed: packGradient(blocked!, gradient) };
    return { plain: unpackGradient(blocked!, gradient) };
  }
  return { plain: plain.weightGradient({ g, node }, q, forms.plain(x), forms.plain(dy)) };
}
