/** @file Writes a {@link Model} as the bytes of an ONNX file. */
import { bytesOf, type Tensor } from '../core/tensor.ts';
import { dataTypeNumber } from './dataTypes.ts';
import type { Attribute, Graph, Model, Node, OutputInfo } from './model.ts';
import { ProtobufWriter } from './protobuf.ts';

/** Encodes a model. The result depends on nothing but the model: same model, same bytes. */
export function encodeModel(model: Model): Uint8Array {
  const w = new ProtobufWriter();
  // Before version 4 every initializer had to be listed as an input too, which decodeModel undoes.
  w.int(1, Math.max(4, model.irVersion));
  w.string(2, model.producerName);
  if (model.producerVersion !== '') w.string(3, model.producerVersion);
  w.message(7, (g) => writeGraph(g, model.graph));
  for (const [domain, version] of model.opsets) {
    w.message(8, (o) => {
      o.string(1, domain);
      o.int(2, version);
    });
  }
  for (const [key, value] of model.metadata) {
    w.message(14, (e) => {
      e.string(1, key);
      e.string(2, value);
    });
  }
  return w.finish();
}

function writeGraph(w: ProtobufWriter, graph: Graph): void {
  for (const node of graph.nodes) w.message(1, (n) => writeNode(n, node));
  w.string(2, graph.name);
  for (const [name, tensor] of graph.initializers) w.message(5, (t) => writeTensor(t, tensor, name));
  for (const input of graph.inputs) w.message(11, (v) => writeValueInfo(v, input));
  for (const output of graph.outputs) w.message(12, (v) => writeValueInfo(v, output));
  for (const info of graph.valueInfo.values()) w.message(13, (v) => writeValueInfo(v, info));
}

/** An attribute that holds a graph, such as the body of a Scan. */
export function graphAttribute(name: string, graph: Graph): Attribute {
  const w = new ProtobufWriter();
  w.string(1, name);
  w.message(6, (g) => writeGraph(g, graph));
  w.int(20, 5);
  return { kind: 'opaque', type: 5, bytes: w.finish() };
}

function writeNode(w: ProtobufWriter, node: Node): void {
  for (const input of node.inputs) w.string(1, input);
  for (const output of node.outputs) w.string(2, output);
  if (node.name !== '') w.string(3, node.name);
  w.string(4, node.opType);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    if (attribute.kind === 'opaque') w.bytes(5, attribute.bytes);
    else w.message(5, (a) => writeAttribute(a, name, attribute));
  }
  if (node.domain !== '') w.string(7, node.domain);
}

function writeAttribute(
  w: ProtobufWriter,
  name: string,
  attribute: Exclude<Attribute, { kind: 'opaque' }>,
): void {
  w.string(1, name);
  switch (attribute.kind) {
    case 'float':
      w.float(2, attribute.value);
      w.int(20, 1);
      break;
    case 'int':
      w.int(3, attribute.value);
      w.int(20, 2);
      break;
    case 'string':
      w.string(4, attribute.value);
      w.int(20, 3);
      break;
    case 'tensor':
      w.message(5, (t) => writeTensor(t, attribute.value, ''));
      w.int(20, 4);
      break;
    case 'floats':
      w.packedFloats(7, attribute.value);
      w.int(20, 6);
      break;
    case 'ints':
      w.packedInts(8, attribute.value);
      w.int(20, 7);
      break;
    case 'strings':
      for (const value of attribute.value) w.string(9, value);
      w.int(20, 8);
      break;
  }
}

function writeTensor(w: ProtobufWriter, tensor: Tensor, name: string): void {
  if (tensor.dims.length > 0) w.packedInts(1, tensor.dims);
  w.int(2, dataTypeNumber(tensor.dtype));
  if (name !== '') w.string(8, name);
  w.bytes(9, bytesOf(tensor));
}

function writeValueInfo(w: ProtobufWriter, info: OutputInfo): void {
  const { name, dtype, shape } = info;
  w.string(1, name);
  if (dtype === null) return;
  w.message(2, (type) =>
    type.message(1, (t) => {
      t.int(1, dataTypeNumber(dtype));
      if (shape === null) return;
      t.message(2, (s) => {
        for (const dim of shape) {
          s.message(1, (d) => {
            if (typeof dim === 'number') d.int(1, dim);
            else d.string(2, dim);
          });
        }
      });
    }),
  );
}
