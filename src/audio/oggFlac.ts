/** @file FLAC within Ogg (RFC 9639, 10.1): each packet is one frame. */
import { FlacTimeline, readStreamInfo, silence } from './decodeFlac.ts';
import { decodeFlacFrame, FLAC_PADDING, readFlacFrameHeader } from './flacFrame.ts';
import type { OggLink } from './oggLink.ts';

export async function createOggFlacLink(head: Uint8Array, name: string): Promise<OggLink> {
  const info = readStreamInfo(head.subarray(9), name);
  const timeline = new FlacTimeline(info, 0, null);
  let damaged = 0;
  return {
    codec: 'flac',
    sampleRate: info.sampleRate,
    channels: info.channels,
    bitsPerSample: info.bitsPerSample,
    frames: info.frames,
    push(packets) {
      const blocks: Float32Array[][] = [];
      for (const packet of packets) {
        // Headers begin with their type.
        if (packet[0] !== 0xff) continue;
        const padded = new Uint8Array(packet.length + FLAC_PADDING);
        padded.set(packet);
        const header = readFlacFrameHeader(padded, 0);
        const frame =
          header === null || header.channels !== info.channels
            ? null
            : decodeFlacFrame(padded, 0, header, info.bitsPerSample);
        if (header === null || frame?.state !== 'decoded') {
          damaged++;
          continue;
        }
        blocks.push(...silence(info.channels, timeline.add(header)), frame.channelData);
      }
      return blocks;
    },
    resume(_, position) {
      timeline.position = position;
    },
    finish(_, warnings) {
      if (damaged > 0) warnings.push(`${damaged} FLAC frames were damaged and left out.`);
      if (timeline.filled > 0)
        warnings.push(`${timeline.filled} samples per channel are missing and were replaced by silence.`);
      if (info.frames !== null && timeline.position < info.frames) {
        warnings.push(
          `The file is truncated or damaged: its header claims ${info.frames} samples per channel and ${timeline.position} could be decoded.`,
        );
      }
      return [];
    },
    free() {},
    startOf: () => 0,
  };
}
