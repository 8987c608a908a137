import type { Timeline } from '../../../storyboard/timeline.ts'

export const sampleRate = 48_000

/** A sound with a start, a duration and a position between left and right. */
interface Voice {
  readonly from: number
  readonly seconds: number
  /** 0 is left, 1 is right. */
  readonly pan: number
  /** The amplitude at a time in seconds since `from`. */
  at(seconds: number): number
}

// Am – F – C – G as MIDI notes, one chord per scene. They sound well in any order.
const chords = [
  [57, 60, 64, 69],
  [53, 57, 60, 65],
  [48, 55, 60, 64],
  [55, 59, 62, 67],
] as const
const pluckOrder = [0, 2, 1, 3] as const
const beatSeconds = 0.25
const fullTurn = 2 * Math.PI

/** Brings the music to about -14 LUFS, the target loudness of players (measured with ffmpeg's ebur128). */
const gain = 2.3

/**
 * Generates the music of a video as stereo s16le, one second at a time.
 *
 * Every voice is a pure function of time, so the track is deterministic and never entirely in memory.
 */
export function* audioOf({ spans, frames }: Timeline, fps: number): Generator<Uint8Array> {
  const total = Math.round((frames / fps) * sampleRate)
  const voices = spans.flatMap(({ startFrame, frames }, index) =>
    sceneVoices(startFrame / fps, frames / fps, chords[index % chords.length] ?? chords[0]),
  )

  for (let from = 0; from < total; from += sampleRate) {
    const to = Math.min(total, from + sampleRate)
    yield quantize(mix(voices, from, to), from, total)
  }
}

function sceneVoices(start: number, seconds: number, chord: readonly number[]): Voice[] {
  const pads = chord.map((note, index) => pad(start, seconds, note, 0.5 + (index - 1.5) * 0.16))
  const beats = Math.ceil(seconds / beatSeconds - 1e-9)
  const plucks = Array.from({ length: beats }, (_, beat) => {
    const note = chord[pluckOrder[beat % 4] ?? 0] ?? 57
    return pluck(start + beat * beatSeconds, note + 12, beat % 2 === 0 ? 0.38 : 0.62)
  })
  return [...pads, ...plucks, hit(start)]
}

const frequencyOf = (note: number) => 440 * 2 ** ((note - 69) / 12)

/** Two slightly detuned sines, so that the sound moves, and a little of the octave. */
function pad(from: number, seconds: number, note: number, pan: number): Voice {
  const frequency = frequencyOf(note)
  return {
    from,
    seconds,
    pan,
    at(t) {
      const envelope = Math.min(1, t / 0.25, (seconds - t) / 0.18) * (0.85 + 0.15 * Math.sin(t * 3))
      const phase = fullTurn * frequency * t
      return 0.045 * envelope * (Math.sin(phase) + 0.6 * Math.sin(phase * 1.004) + 0.18 * Math.sin(2 * phase))
    },
  }
}

function pluck(from: number, note: number, pan: number): Voice {
  const frequency = frequencyOf(note)
  return { from, seconds: 0.5, pan, at: (t) => 0.06 * Math.sin(fullTurn * frequency * t) * Math.exp(-t * 9) }
}

/** A soft drum at the start of a scene, falling from 137 Hz to 42 Hz. */
function hit(from: number): Voice {
  return {
    from,
    seconds: 0.35,
    pan: 0.5,
    at: (t) => 0.3 * Math.sin(fullTurn * (95 * Math.exp(-t * 14) + 42) * t) * Math.exp(-t * 11),
  }
}

/** Interleaved left and right samples. */
function mix(voices: readonly Voice[], from: number, to: number): Float64Array {
  const samples = new Float64Array(2 * (to - from))
  for (const { from: start, seconds, pan, at } of voices) {
    const first = Math.round(start * sampleRate)
    const end = Math.min(to, first + Math.round(seconds * sampleRate))
    for (let sample = Math.max(from, first); sample < end; sample++) {
      const value = 2 * at((sample - first) / sampleRate)
      const index = 2 * (sample - from)
      samples[index] = (samples[index] ?? 0) + value * (1 - pan)
      samples[index + 1] = (samples[index + 1] ?? 0) + value * pan
    }
  }
  return samples
}

/** Fades the track in and out and limits it with tanh, which distorts peaks less than clipping. */
function quantize(samples: Float64Array, from: number, total: number): Uint8Array {
  const out = new Int16Array(samples.length)
  for (let index = 0; index < samples.length; index++) {
    const sample = from + (index >> 1)
    const fade = Math.min(1, sample / (0.03 * sampleRate), (total - sample) / (0.4 * sampleRate))
    out[index] = Math.tanh((samples[index] ?? 0) * fade * gain) * 32_000
  }
  return new Uint8Array(out.buffer)
}
