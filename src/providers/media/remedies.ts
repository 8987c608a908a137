import { open } from 'node:fs/promises'
import {
  EncodedPacketSink,
  FilePathSource,
  Input,
  type InputVideoTrack,
  MATROSKA,
  MP4,
  MPEG_TS,
  QTFF,
  WEBM,
} from 'mediabunny'
import type { Remedy } from '../../../machines/media.ts'
import { mediaViolations } from '../tiktok/post/media-violation.ts'
import type { MediaProbe } from '../video/local/probe.ts'

type Probed = Extract<MediaProbe, { readonly kind: 'probed' }>

/** What TikTok and its viewers take without trouble. */
const plainAudioCodecs: ReadonlySet<string> = new Set(['aac', 'mp3', 'opus', 'vorbis'])
const maxSidePixels = 4096
/** WebM rounds times to milliseconds: at 60 frames a second intervals differ by 6 % of themselves. */
const maxIntervalDeviation = 0.1
/** Only a file's frame of top-level boxes is read. More of them than this is no file of a camera or an editor. */
const maxBoxes = 1_000

/**
 * What a conversion would change about a probed file: what breaks a rule of TikTok's, and what players and TikTok have had trouble with.
 * Empty if a rule is broken that no conversion mends, such as a duration.
 */
export async function remediesOf(file: string, probed: Probed): Promise<readonly Remedy[]> {
  const broken = mediaViolations(probed).map(({ rule }) => rule)
  const isTooSmall = Math.min(probed.width, probed.height) < 360
  if (isTooSmall || broken.includes('duration') || broken.includes('bytes')) return []
  using input = new Input({ source: new FilePathSource(file), formats: [MP4, QTFF, WEBM, MATROSKA, MPEG_TS] })
  const track = await input.getPrimaryVideoTrack()
  if (!track) return []
  // Codecs pad their pictures: the displayed size is what is odd.
  const isOdd = probed.width % 2 === 1 || probed.height % 2 === 1
  const found: readonly (readonly [Remedy, boolean])[] = [
    ['container', broken.includes('container')],
    ['videoCodec', broken.includes('videoCodec')],
    ['audioCodec', probed.audioCodec !== null && !plainAudioCodecs.has(probed.audioCodec)],
    ['audioMissing', probed.audioCodec === null],
    ['rotation', (await track.getRotation()) !== 0],
    ['size', isOdd || Math.max(probed.width, probed.height) > maxSidePixels],
    ['frameRate', broken.includes('frameRate') || (await hasVariableRate(track))],
    ['indexAtEnd', ['mp4', 'mov'].includes(probed.container) && (await hasIndexAtEnd(file))],
  ]
  return found.flatMap(([remedy, isFound]) => (isFound ? [remedy] : []))
}

async function hasVariableRate(track: InputVideoTrack): Promise<boolean> {
  let [shortest, longest, last] = [Number.POSITIVE_INFINITY, 0, 0]
  for await (const { duration } of new EncodedPacketSink(track).packets(undefined, undefined, {
    metadataOnly: true,
  })) {
    // One late: the last frame of many files is shown for longer.
    if (last > 0) [shortest, longest] = [Math.min(shortest, last), Math.max(longest, last)]
    last = duration
  }
  return longest > 0 && longest - shortest > longest * maxIntervalDeviation
}

/** Whether an MP4 or MOV has its index behind its media, so that no player can begin before it has the whole file. */
export async function hasIndexAtEnd(file: string): Promise<boolean> {
  await using handle = await open(file)
  const { size } = await handle.stat()
  const head = Buffer.alloc(16)
  let hasMedia = false
  for (let position = 0, boxes = 0; position + 8 <= size && boxes < maxBoxes; boxes += 1) {
    await handle.read(head, 0, 16, position)
    const type = head.toString('latin1', 4, 8)
    if (type === 'moov') return hasMedia
    hasMedia ||= type === 'mdat'
    const declared = head.readUInt32BE(0)
    const length = declared === 1 ? Number(head.readBigUInt64BE(8)) : declared
    if (length < 8) return false // 0: the box extends to the end of the file.
    position += length
  }
  return false
}
