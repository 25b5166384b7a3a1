/** @file Ogg Opus through libopus (WebAssembly, @audio/decode-opus), with RFC 7845's timing done here. */
import { DecodeError } from '../core/errors.ts';
import type { AudioData } from './audioData.ts';
import { callCodec, noSamplesError } from './codecCalls.ts';
import { checkSampleCount } from './limits.ts';
import { type OggPacket, type OggStream, readPackets } from './ogg.ts';

/** Opus always decodes at this rate, whatever the recording had. */
export const OPUS_RATE = 48000;

type OpusPacketDecoder = Awaited<ReturnType<typeof import('@audio/decode-opus/core').createOpusDecoder>>;

let shared: Promise<OpusPacketDecoder> | null = null;

function sharedDecoder(): Promise<OpusPacketDecoder> {
  shared ??= import('@audio/decode-opus/core').then((codec) => codec.createOpusDecoder());
  return shared;
}

/** Vorbis's channel order, in which Opus stores surround sound, to that of WAV and ffmpeg. */
const WAV_ORDER: Record<number, number[]> = {
  3: [0, 2, 1],
  5: [0, 2, 1, 3, 4],
  6: [0, 2, 1, 5, 3, 4],
  7: [0, 2, 1, 6, 5, 3, 4],
  8: [0, 2, 1, 7, 5, 6, 3, 4],
};

/** The fields of the OpusHead packet (RFC 7845, 5.1). */
export function readOpusHeader(packets: OggPacket[], name: string) {
  const head = packets[0].data;
  const channels = head.length >= 19 ? head[9] : 0;
  const family = head[18];
  const surround = family !== 0;
  if (channels === 0 || (!surround && channels > 2) || (surround && head.length < 21 + channels)) {
    throw new DecodeError(
      `${name} is an Opus file whose header states ${channels} channels in mapping ${family ?? 'none'}, so it cannot be played.`,
      { hint: 'The header is damaged; get the file again or remove it.' },
    );
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
export function opusPacketSamples(packet: Uint8Array): number {
  if (packet.length === 0) return 0;
  const config = packet[0] >> 3;
  const milliseconds =
    config < 12 ? [10, 20, 40, 60][config & 3] : config < 16 ? [10, 20][config & 1] : 2.5 * 2 ** (config & 3);
  const code = packet[0] & 3;
  const frames = code === 0 ? 1 : code < 3 ? 2 : packet.length > 1 ? packet[1] & 63 : 0;
  const samples = frames * milliseconds * 48;
  return samples <= 5760 ? samples : 0;
}

/**
 * Samples the stream asks to be played, by its granule positions: from the start of the first audio page (not 0
 * if the stream was cut out of a longer one) to the last position. null if it states none.
 */
function statedSamples(packets: OggPacket[], preSkip: number): number | null {
  let sum = 0;
  let start: number | null = null;
  let last: number | null = null;
  for (const { data, granule } of packets) {
    sum += opusPacketSamples(data);
    if (granule === null) continue;
    start ??= Math.max(0, granule - sum);
    last = granule;
  }
  return last === null || start === null ? null : Math.max(0, last - start - preSkip);
}

/** @throws DecodeError if the header is unusable, libopus refuses the stream, or no sample comes out. */
export async function decodeOpus(stream: OggStream, name: string, maxSamples: number): Promise<AudioData> {
  const packets = readPackets(stream);
  const { channels, ...layout } = readOpusHeader(packets, name);
  const audio = packets.slice(2);
  const samples = audio.reduce((sum, { data }) => sum + opusPacketSamples(data), 0);
  checkSampleCount(samples, channels, maxSamples, name);
  const warnings: string[] = [];
  const decoder = await sharedDecoder();
  const { result } = callCodec(name, 'Opus', () => {
    try {
      decoder.configure({ sampleRate: OPUS_RATE, channels, ...layout });
      return decoder.decodeFrames(audio.map(({ data }) => data));
    } finally {
      decoder.unconfigure();
    }
  });
  let { channelData } = result;
  if (channelData.length === 0 || channelData[0].length === 0) throw noSamplesError(name, 'Opus');
  const stated = statedSamples(audio, layout.preSkip);
  if (stated !== null && stated < channelData[0].length) {
    // A mark within the last packet is how Opus ends between packet limits; anything earlier would be a lie.
    if (channelData[0].length - stated <= 5760) channelData = channelData.map((all) => all.slice(0, stated));
    else
      warnings.push('The end stated by the Ogg stream lies far before its last packet and was not honoured.');
  }
  if (channelData[0].length === 0) throw noSamplesError(name, 'Opus');
  if (result.errors.length > 0)
    warnings.push(`${result.errors.length} Opus packets were damaged and left out.`);
  if (!stream.ended) warnings.push('The file is truncated: its Ogg stream has no end.');
  return { sampleRate: OPUS_RATE, channelData, warnings };
}
