/** @file Models written down by hand, for tests: any opset, right or wrong. */
import type { DType, Tensor } from '../../src/core/index.ts';
import { type Attribute, encodeModel, type Model, type Node, type Shape } from '../../src/onnx/index.ts';
import { ProtobufReader, ProtobufWriter } from '../../src/onnx/protobuf.ts';

export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Record<string, Attribute> = {},
  name = `${outputs[0]}/${opType}`,
): Node {
  return { opType, domain: '', name, inputs, outputs, attributes };
}

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });

export interface MadeModel {
  readonly opset?: number;
  readonly inputs?: Readonly<Record<string, readonly [DType, Shape | null]>>;
  readonly outputs?: Readonly<Record<string, DType>>;
  readonly initializers?: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly Node[];
}

export function madeModel({
  opset = 20,
  inputs = {},
  outputs = {},
  initializers = {},
  nodes,
}: MadeModel): Model {
  return {
    irVersion: 8,
    producerName: 'test',
    producerVersion: '',
    opsets: new Map([['', opset]]),
    graph: {
      name: 'made',
      inputs: Object.entries(inputs).map(([name, [dtype, shape]]) => ({ name, dtype, shape })),
      outputs: Object.entries(outputs).map(([name, dtype]) => ({ name, dtype, shape: null })),
      initializers: new Map(Object.entries(initializers)),
      nodes: [...nodes],
      valueInfo: new Map(),
    },
    metadata: new Map(),
  };
}

/** The branch of an If: a graph as an attribute. */
export function graphAttribute(name: string, made: MadeModel): Attribute {
  let graph: Uint8Array = new Uint8Array();
  const r = new ProtobufReader(encodeModel(madeModel(made)));
  while (r.next()) {
    if (r.field === 7) graph = r.message();
    else r.skip();
  }
  const w = new ProtobufWriter();
  w.string(1, name);
  w.bytes(6, graph);
  w.int(20, 5);
  return { kind: 'opaque', type: 5, bytes: w.finish() };
}
