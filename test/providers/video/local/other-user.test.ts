import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const nobody = 65_534

it.skipIf(process.geteuid?.() !== 0)(
  'the bundled ffmpeg is found by a user who does not own it',
  async () => {
    const module = new URL('../../../../src/providers/video/local/ffmpeg.ts', import.meta.url)
    const script = `console.log((await import(${JSON.stringify(module.href)})).bundledFfmpeg())`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      {
        uid: nobody,
        gid: nobody,
        cwd: '/',
      },
    )
    expect(stdout).toMatch(/ffmpeg\n$/)
  },
)
