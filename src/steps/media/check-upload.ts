import type { MediaCheck } from '../../../machines/media.ts'
import type { Json } from '../../durable/checkpoint.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { inspectMedia } from '../../providers/media/inspect.ts'
import { type MediaViolation, mediaViolations } from '../../providers/tiktok/post/media-violation.ts'
import { findMediaFile, recordFacts } from '../../store/media/facts.ts'
import { ownFailure } from '../failure.ts'
import { needsPerson } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'

const contentTypes: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  matroska: 'video/x-matroska',
}

/** Reads what an uploaded file is, by its content, and checks it against TikTok's rules. */
export async function checkUpload(
  { db, storage, mediaFfmpeg }: Pick<StepDeps, 'db' | 'storage' | 'mediaFfmpeg'>,
  { organizationId, jobId: mediaId, signal }: StepContext,
): Promise<StepOutcome> {
  const file = await findMediaFile(db, organizationId, mediaId)
  if (!file) return needsPerson(ownFailure('FIX_MEDIA', 'MEDIA_NOT_HERE', 'The media has no file.'))
  const { sha256 } = file
  const found = await storage.withFile(organizationId, sha256, (path) => inspectMedia(path, signal))
  if (found.kind === 'unreadable') {
    const message = `The file cannot be read as a video: ${found.why}.`
    return answer({
      kind: 'refused',
      failure: ownFailure('FIX_MEDIA', 'UPLOAD_UNREADABLE', message),
      remedies: [],
    })
  }
  await recordFacts(db, mediaId, sha256, {
    contentType: contentTypes[found.container] ?? 'video/mp2t',
    container: found.container,
    videoCodec: found.videoCodec,
    audioCodec: found.audioCodec,
    seconds: found.seconds,
    width: found.width,
    height: found.height,
    frameRate: found.framesPerSecond,
  })
  const { remedies } = found
  const canConvert = remedies.length === 0 || (await mediaFfmpeg.find()) !== null
  const offered = canConvert ? remedies : []
  const violations = mediaViolations(found)
  if (violations.length === 0) return answer({ kind: 'accepted', remedies: offered })
  const [first] = violations
  const sentences = [`TikTok does not accept this video: ${violations.map(describe).join('; ')}.`]
  if (offered.length > 0) sentences.push('It can be converted: send convertMedia.')
  else if (!canConvert)
    sentences.push('This installation cannot convert it: it has no ffmpeg of version 5 or later.')
  const code = `UPLOAD_${first?.rule.toUpperCase()}`
  return answer({
    kind: 'refused',
    failure: ownFailure('FIX_MEDIA', code, sentences.join(' ')),
    remedies: offered,
  })
}

function describe({ rule, value, limit }: MediaViolation): string {
  const names = { videoCodec: 'video codec', frameRate: 'frame rate', bytes: 'size in bytes' } as const
  const name = rule in names ? names[rule as keyof typeof names] : rule
  const isBound = typeof limit === 'number'
  const is = typeof value === 'number' ? Math.round(value * 100) / 100 : value
  return `its ${name} is ${is}, ${isBound ? `the limit is ${limit}` : `it takes ${limit.join(', ')}`}`
}

/** A MediaCheck is JSON by its type. */
function answer(check: MediaCheck): StepOutcome {
  return done(check as unknown as Json)
}
