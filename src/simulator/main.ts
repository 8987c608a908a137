import { parseArgs } from 'node:util'
import { z } from 'zod'
import { appBody, faultBody, settingsBody } from './control/control-body.ts'
import { startLocalTikTok } from './local-tiktok.ts'

/**
 * Runs the local TikTok in its own process: `node main.ts --port N --directory D [--settings JSON] [--app JSON] [--faults JSON]`.
 *
 * Prints one line of JSON, `{ url, app }`, when it listens, and stops on SIGTERM or SIGINT.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    directory: { type: 'string' },
    settings: { type: 'string', default: '{}' },
    app: { type: 'string', default: '{}' },
    faults: { type: 'string', default: '[]' },
  },
})

const local = await startLocalTikTok({
  port: Number(values.port),
  ...(values.directory !== undefined && { directory: values.directory }),
  settings: settingsBody.parse(JSON.parse(values.settings)),
  app: appBody.parse(JSON.parse(values.app)),
  faults: z.array(faultBody).parse(JSON.parse(values.faults)),
})
process.stdout.write(`${JSON.stringify({ url: local.url, app: local.app })}\n`)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    local.stop().then(() => process.exit(0))
  })
}
