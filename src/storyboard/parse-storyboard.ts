import { z } from 'zod'
import { findLayoutIssues } from './layout-issues.ts'
import { framesPerSecond, type Storyboard, type StoryboardIssue, secondsOf } from './storyboard.ts'
import { hasVisible } from './visible.ts'

export type ParsedStoryboard =
  | { readonly kind: 'ok'; readonly storyboard: Storyboard }
  | { readonly kind: 'invalid'; readonly issues: readonly StoryboardIssue[] }

/** TikTok accepts videos of 3 s to 10 minutes. https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide */
const totalSecondsRange = { min: 3, max: 600 }

const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

const evenSide = wholeNumber(360, 4096).refine((side) => side % 2 === 0, {
  error: 'must be even: the encoder stores colour for pairs of pixels',
})

const hexColour = z
  .string({ error: 'must be a colour like #ffe14d' })
  .regex(/^#[0-9a-f]{6}$/i, { error: 'must be a colour like #ffe14d' })
  .toLowerCase()

const boundedText = (max: number) => {
  const error = `must be text of 1 to ${max} characters`
  return z
    .string({ error })
    .trim()
    .min(1, { error })
    .max(max, { error })
    .refine((text) => text.isWellFormed() && !/[\p{Cc}--[\t\n\r]]/v.test(text), {
      error: 'contains control characters or half of a surrogate pair; use readable text',
    })
    .refine(hasVisible, { error: 'is blank: it must have at least one visible character' })
    .normalize('NFC')
}

const sceneSchema = z.strictObject({
  id: boundedText(64).exactOptional(),
  seconds: z
    .number({ error: 'must be a number of seconds from 0.5 to 60' })
    .min(0.5, { error: 'is too short: a scene must take 0.5 to 60 seconds' })
    .max(60, { error: 'is too long: a scene must take 0.5 to 60 seconds' }),
  kicker: boundedText(60).exactOptional(),
  text: boundedText(500),
})

const storyboardSchema = z.strictObject(
  {
    title: boundedText(150).exactOptional(),
    size: z.strictObject({ width: evenSide, height: evenSide }).default({ width: 1080, height: 1920 }),
    fps: z
      .literal(framesPerSecond, { error: `must be ${framesPerSecond}, the only supported frame rate` })
      .default(framesPerSecond),
    seed: wholeNumber(0, 2 ** 31 - 1).default(7),
    handle: boundedText(60).exactOptional(),
    palette: z
      .strictObject({
        base: hexColour.default('#120a2e'),
        blobs: z
          .array(hexColour, { error: 'must be a list of 1 to 6 colours' })
          .min(1, { error: 'must have at least one colour' })
          .max(6, { error: 'must have at most 6 colours' })
          .default(['#ff3d81', '#6a5cff', '#00c2ff', '#ffb03a']),
        accent: hexColour.default('#ffe14d'),
        ink: hexColour.default('#ffffff'),
      })
      .prefault({}),
    scenes: z
      .array(sceneSchema, { error: 'must be a list of 1 to 60 scenes' })
      .min(1, { error: 'must have at least one scene' })
      .max(60, { error: 'must have at most 60 scenes' }),
  },
  // Applies only to a value that is not an object; all other errors have messages above.
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be an object' : undefined) },
)

/**
 * Parses a storyboard, fills in the defaults and checks that every text can be drawn and fits.
 *
 * Reports all issues at once, except that the layout of texts is checked only if everything else is valid. Parsing the result
 * again returns an equal storyboard.
 */
export function parseStoryboard(value: unknown): ParsedStoryboard {
  const parsed = storyboardSchema.safeParse(value)
  if (!parsed.success) return { kind: 'invalid', issues: onePerField(parsed.error.issues.flatMap(issuesOf)) }

  const scenes = parsed.data.scenes.map((scene, index) => ({
    ...scene,
    id: scene.id ?? `scene-${index + 1}`,
  }))
  const storyboard: Storyboard = { ...parsed.data, scenes }
  const issues = [...repeatedIds(storyboard), ...wrongLength(storyboard)]
  if (issues.length === 0) issues.push(...findLayoutIssues(storyboard))

  return issues.length === 0 ? { kind: 'ok', storyboard } : { kind: 'invalid', issues }
}

function issuesOf(issue: z.core.$ZodIssue): StoryboardIssue[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path.join('.'), message: issue.message }]

  return issue.keys.map((key) => ({
    path: [...issue.path, key].join('.'),
    message: 'is not a field of a storyboard; check its spelling',
  }))
}

function onePerField(issues: readonly StoryboardIssue[]): StoryboardIssue[] {
  return issues.filter(({ path }, index) => issues.findIndex((other) => other.path === path) === index)
}

function repeatedIds({ scenes }: Storyboard): StoryboardIssue[] {
  const firstWith = new Map<string, number>()
  return scenes.flatMap(({ id }, index) => {
    const first = firstWith.get(id)
    if (first === undefined) firstWith.set(id, index)
    return first === undefined
      ? []
      : [{ path: `scenes.${index}.id`, message: `is not unique: scene ${first + 1} has the id "${id}", too` }]
  })
}

function wrongLength({ scenes }: Storyboard): StoryboardIssue[] {
  const seconds = secondsOf({ scenes })
  if (seconds >= totalSecondsRange.min && seconds <= totalSecondsRange.max) return []
  return [
    {
      path: 'scenes',
      message: `have a total duration of ${seconds} s; a video must take ${totalSecondsRange.min} to ${totalSecondsRange.max} s`,
    },
  ]
}
