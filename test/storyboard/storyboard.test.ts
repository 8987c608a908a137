import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseStoryboard } from '../../src/storyboard/parse-storyboard.ts'

const scene = { seconds: 4, text: 'Octopuses have three hearts 🐙' }

function issuesOf(value: unknown): Record<string, string> {
  const parsed = parseStoryboard(value)
  if (parsed.kind === 'ok') throw new Error('the storyboard was accepted')
  return Object.fromEntries(parsed.issues.map(({ path, message }) => [path, message]))
}

function accepted(value: unknown) {
  const parsed = parseStoryboard(value)
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.issues))
  return parsed.storyboard
}

describe('parseStoryboard', () => {
  it('fills in the defaults of everything except the scenes', () => {
    const storyboard = accepted({ scenes: [scene, { ...scene, id: 'close' }] })
    expect(storyboard).toMatchObject({ size: { width: 1080, height: 1920 }, fps: 30, seed: 7 })
    expect(storyboard.palette).toMatchObject({ base: '#120a2e', accent: '#ffe14d', ink: '#ffffff' })
    expect(storyboard.scenes.map(({ id }) => id)).toEqual(['scene-1', 'close'])
  })

  it('keeps the other defaults of a palette with one colour', () => {
    expect(accepted({ scenes: [scene], palette: { accent: '#00FF88' } }).palette).toMatchObject({
      accent: '#00ff88',
      base: '#120a2e',
    })
  })

  it('gives the same result for its own result', () => {
    const storyboards = fc.record({
      seed: fc.nat(),
      scenes: fc.array(
        fc.record({
          seconds: fc.integer({ min: 30, max: 600 }).map((tenths) => tenths / 10),
          text: fc.stringMatching(/^[a-z]{1,9}( [a-z]{1,9}){0,5}$/),
        }),
        { minLength: 1, maxLength: 10 },
      ),
    })
    fc.assert(
      fc.property(storyboards, (value) => {
        const storyboard = accepted(value)
        expect(accepted(JSON.parse(JSON.stringify(storyboard)))).toEqual(storyboard)
      }),
      { numRuns: 50 },
    )
  })

  it('refuses a value that is no object', () => {
    expect(issuesOf('a video about otters')).toEqual({ '': 'must be an object' })
    expect(issuesOf({})).toEqual({ scenes: 'must be a list of 1 to 60 scenes' })
  })

  it('refuses a storyboard without scenes and one with more than 60', () => {
    expect(issuesOf({ scenes: [] })).toEqual({ scenes: 'must have at least one scene' })
    expect(issuesOf({ scenes: Array(61).fill(scene) })).toEqual({ scenes: 'must have at most 60 scenes' })
  })

  it('refuses a total duration below 3 seconds or above 10 minutes', () => {
    expect(issuesOf({ scenes: [{ ...scene, seconds: 2.9 }] }).scenes).toContain('3 to 600 s')
    expect(issuesOf({ scenes: Array(11).fill({ ...scene, seconds: 60 }) }).scenes).toContain('660 s')
    expect(accepted({ scenes: Array(10).fill({ ...scene, seconds: 60 }) }).scenes).toHaveLength(10)
  })

  it('accepts a duration that only rounding of binary fractions makes too long', () => {
    const seconds = [...Array(59).fill(10.1), 4.1]
    expect(accepted({ scenes: seconds.map((seconds) => ({ ...scene, seconds })) }).scenes).toHaveLength(60)
  })

  it('reports all issues at once, each with its field', () => {
    const issues = issuesOf({
      size: { width: 361, height: 5000 },
      palette: { base: 'red', blobs: [] },
      scenes: [{ seconds: 0.1, text: ' ', subtitle: 'x' }, scene],
      fsp: 30,
    })
    expect(Object.keys(issues).sort()).toEqual([
      'fsp',
      'palette.base',
      'palette.blobs',
      'scenes.0.seconds',
      'scenes.0.subtitle',
      'scenes.0.text',
      'size.height',
      'size.width',
    ])
  })

  it('refuses a second scene with the same id, given or by default', () => {
    expect(issuesOf({ scenes: [{ ...scene, id: 'scene-2' }, scene] })).toHaveProperty(['scenes.1.id'])
  })

  it('refuses control characters and broken surrogate pairs', () => {
    const broken = [
      { ...scene, text: 'nul\u0000' },
      { ...scene, text: '\ud83d' },
    ]
    expect(Object.keys(issuesOf({ scenes: broken }))).toEqual(['scenes.0.text', 'scenes.1.text'])
  })

  it.each([
    ['a zero width space', '\u200b'],
    ['joiners and direction marks', '\u200d\u2060\u200e\ufeff'],
    ['unbreakable and other spaces', '\u00a0\u3000\u2007'],
    ['fillers', '\u3164\u115f\u2800'],
    ['a combining mark alone', '\u0301'],
    ['a soft hyphen', '\u00ad'],
  ])('refuses %s as the text of any field, because it is blank', (_, blank) => {
    const value = {
      title: blank,
      handle: blank,
      scenes: [{ ...scene, id: blank, kicker: blank, text: blank }],
    }
    const paths = ['title', 'handle', 'scenes.0.id', 'scenes.0.kicker', 'scenes.0.text']
    expect(Object.keys(issuesOf(value)).sort()).toEqual(paths.toSorted())
    expect(accepted({ scenes: [{ ...scene, text: `${blank}a` }] }).scenes).toHaveLength(1)
  })

  it('refuses a text that does not fit and labels that are too wide', () => {
    const issues = issuesOf({
      handle: `@${'w'.repeat(40)}`,
      scenes: [scene, { ...scene, kicker: 'W'.repeat(40), text: 'many words '.repeat(30) }],
    })
    expect(Object.keys(issues)).toEqual(['handle', 'scenes.1.kicker', 'scenes.1.text'])
    expect(issues['scenes.1.kicker']).toMatch(/about \d+ characters fit/)
  })

  it('refuses a character that no font can draw', () => {
    expect(issuesOf({ scenes: [{ ...scene, text: 'private \u{10fffd}' }] })['scenes.0.text']).toContain(
      'U+10FFFD',
    )
    expect(issuesOf({ scenes: [{ ...scene, text: 'a mark a\u{1e8d0}' }] })['scenes.0.text']).toContain(
      'U+1E8D0',
    )
  })

  it('accepts every storyboard of the rehearsal', () => {
    const folder = new URL('../../src/rehearsal/storyboards/', import.meta.url)
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
    expect(files.length).toBeGreaterThanOrEqual(3)
    for (const file of files) {
      expect(accepted(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))).scenes).toHaveLength(4)
    }
  })
})
