/** @file Ogg Opus through libopus (WebAssembly, @audio/decode-opus), with RFC 7845's timing done here. */
import { WAV_ORDER } from './channelOrder.ts';
import { callCodec } from './codecCalls.ts';
import { badHeaderError, NO_END, type OggLink } from './oggLink.ts';

/** Opus always decodes at this rate, whatever the recording had. */
const OPUS_RATE = 48000;
/** The longest packet, 120 ms: as far from its end the last packet may be cut. */
const LONGEST_PACKET = 5760;

/** The fields of the OpusHead packet (RFC 7845, 5.1). */
function readOpusHeader(head: Uint8Array, name: string) {
  const channels = head.length >= 19 ? head[9] : 0;
  const family = head[18];
  const surround = family !== 0;
  if (channels === 0 || (!surround && channels > 2) || (surround && head.length < 21 + channels)) {
    throw badHeaderError(name, 'Opus', `states ${channels} channels in mapping ${family ?? 'none'}`);
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  let mapping = surround ? Array.from(head.subarray(21, 21 + channels)) : channels === 1 ? [0] : [0, 1];
  const order = family === 1 ? WAV_ORDER[channels] : undefined;
  if (order !== undefined) mapping = order.map((i) => mapping[i]);
  return {
    channels,
    preSkip: view.getUint16(10, true),
    outputGain: view.getInt16(16, true),
    streamCount: surround ? head[19] : 1,
    coupledStreamCount: surround ? head[20] : channels - 1,
    channelMappingTable: mapping,
  };
}

/** Samples at 48 kHz in a packet, by its first byte (RFC 6716, 3.1); 0 for a malformed one. */
function opusPacketSamples(packet: Uint8Array): number {
  if (packet.length === 0) return 0;
  const config = packet[0] >> 3;
  const milliseconds =
    config < 12 ? [10, 20, 40, 60][config & 3] : config < 16 ? [10, 20][config & 1] : 2.5 * 2 ** (config & 3);
  const code = packet[0] & 3;
  const frames = code === 0 ? 1 : code < 3 ? 2 : packet.length > 1 ? packet[1] & 63 : 0;
  const samples = frames * milliseconds * 48;
  return samples <= LONGEST_PACKET ? samples : 0;
}

function sumOf(packets: Uint8Array[]): number {
  return packets.reduce((sum, packet) => sum + opusPacketSamples(packet), 0);
}

export async function createOpusLink(head: Uint8Array, name: string): Promise<OggLink> {
  const { channels, ...layout } = readOpusHeader(head, name);
  const decoder = await (await import('@audio/decode-opus/core')).createOpusDecoder();
  let configured = false;
  /** Header packets that have come; the first one is in `head`. */
  let headers = 1;
  let damaged = 0;
  /** Samples by the packets' headers, and put out by the decoder. */
  let stated = 0;
  let decoded = 0;
  /** Positions of the stream's start (not 0 if it was cut out of a longer one) and of its last page. */
  let start: number | null = null;
  let end: number | null = null;
  /** The last {@link LONGEST_PACKET} samples at least: only the end tells whether all of them are to be played. */
  const held: Float32Array[][] = [];
  let heldSamples = 0;

  return {
    codec: 'opus',
    sampleRate: OPUS_RATE,
    channels,
    bitsPerSample: null,
    frames: null,
    push(packets, granule) {
      const skipped = Math.min(packets.length, 2 - headers);
      headers += skipped;
      const audio = packets.slice(skipped);
      stated += sumOf(audio);
      if (granule !== null && audio.length > 0) {
        start ??= Math.max(0, granule - stated);
        end = granule;
      }
      if (audio.length === 0) return [];
      const result = callCodec(name, 'Opus', () => {
        if (!configured) decoder.configure({ sampleRate: OPUS_RATE, channels, ...layout });
        configured = true;
        return decoder.decodeFrames(audio);
      });
      damaged += result.errors.length;
      const samples = result.channelData.length === 0 ? 0 : result.channelData[0].length;
      if (samples === 0) return [];
      decoded += samples;
      held.push(result.channelData);
      heldSamples += samples;
      const ready: Float32Array[][] = [];
      while (heldSamples - held[0][0].length >= LONGEST_PACKET) {
        heldSamples -= held[0][0].length;
        ready.push(...held.splice(0, 1));
      }
      return ready;
    },
    resume: null,
    finish(ended, warnings) {
      const asked = start === null || end === null ? decoded : Math.max(0, end - start - layout.preSkip);
      let excess = Math.max(0, decoded - asked);
      if (excess > LONGEST_PACKET) {
        // A mark within the last packet is how Opus ends between packet limits; anything earlier would be a lie.
        warnings.push(
          'The end stated by the Ogg stream lies far before its last packet and was not honoured.',
        );
        excess = 0;
      }
      if (damaged > 0) warnings.push(`${damaged} Opus packets were damaged and left out.`);
      if (!ended) warnings.push(NO_END);
      const blocks: Float32Array[][] = [];
      for (let left = heldSamples - excess; left > 0 && held.length > 0; ) {
        const [block] = held.splice(0, 1);
        blocks.push(block[0].length <= left ? block : block.map((samples) => samples.subarray(0, left)));
        left -= block[0].length;
      }
      return blocks;
    },
    free: () => decoder.free(),
    startOf: (packets, granule) => Math.max(0, granule - sumOf(packets)) + layout.preSkip,
  };
}
