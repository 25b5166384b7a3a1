/**
 * @file libvorbis (WebAssembly, @audio/decode-vorbis), fed packet by packet. The package offers whole files and
 * chunks of pages only; its packet decoder lies below, hence its exact version in package.json.
 */
import { freeCodec, unknownCodecBuildError } from './codecCalls.ts';

/** The parts of the package's packet decoder that are used here. */
interface PacketDecoder {
  _firstPage: boolean;
  sendSetupHeader(packet: Uint8Array): void;
  initDsp(): void;
  decodePackets(packets: Uint8Array[]): { channelData: Float32Array[]; samplesDecoded: number };
  _common: { wasm: { HEAP: ArrayBuffer; malloc(size: number): number; free(pointer: number): void } };
}

function isPacketDecoder(value: unknown): value is PacketDecoder {
  const { sendSetupHeader, initDsp, decodePackets, _common } = (value ?? {}) as Partial<PacketDecoder>;
  return (
    typeof sendSetupHeader === 'function' &&
    typeof initDsp === 'function' &&
    typeof decodePackets === 'function' &&
    typeof _common?.wasm?.malloc === 'function' &&
    _common.wasm.HEAP instanceof ArrayBuffer
  );
}

export interface VorbisCodec {
  setUp(id: Uint8Array, setup: Uint8Array): void;
  /** What `packets` yield, channel by channel in Vorbis's order. */
  decode(packets: Uint8Array[]): Float32Array[];
  /** Back to the state of a new instance. */
  reset(): void;
  free(): void;
}

async function createVorbisCodec(): Promise<VorbisCodec> {
  const codec = await (await import('@audio/decode-vorbis')).decoder();
  const packets: unknown = '_decoder' in codec ? codec._decoder : null;
  if (!isPacketDecoder(packets)) throw unknownCodecBuildError('@audio/decode-vorbis');
  const { wasm } = packets._common;
  // A new instance takes nearly as long as decoding a four-second clip; writing its memory back takes 0.1 ms. All
  // that lies below the next piece of memory to be given out is in use.
  const top = wasm.malloc(1);
  wasm.free(top);
  const initial = new Uint8Array(wasm.HEAP, 0, Math.min(wasm.HEAP.byteLength, top + 65536)).slice();
  return {
    setUp(id, setup) {
      packets.sendSetupHeader(id);
      packets.sendSetupHeader(setup);
      packets.initDsp();
    },
    decode: (all) => packets.decodePackets(all).channelData,
    reset() {
      new Uint8Array(wasm.HEAP).set(initial);
      packets._firstPage = true;
    },
    free: () => codec.free(),
  };
}

/** Instances that no stream uses at the moment. */
const idle: VorbisCodec[] = [];
const KEPT = 2;

export async function acquireVorbisCodec(): Promise<VorbisCodec> {
  return idle.pop() ?? createVorbisCodec();
}

/** `intact`: no call has failed, so the instance may serve another stream. */
export function releaseVorbisCodec(codec: VorbisCodec, intact: boolean): void {
  if (!intact || idle.length >= KEPT) {
    freeCodec(codec);
    return;
  }
  codec.reset();
  idle.push(codec);
}
