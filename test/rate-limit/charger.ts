import { createChargeApiKey } from '../../src/rate-limit/charge-api-key.ts'
import { startLimiter } from '../../src/rate-limit/start-limiter.ts'
import type { Bucket } from '../../src/rate-limit/token-bucket.ts'
import { connect } from '../../src/store/database.ts'

export interface ChargerSettings {
  readonly databaseUrl: string
  readonly organizationId: string
  readonly bucket: Bucket
}

/** One process of several: charges one key all the time, and prints when each point was spent, by the clock that all share. */
const { databaseUrl, organizationId, bucket }: ChargerSettings = JSON.parse(process.argv[2] ?? '')
const api = connect(databaseUrl, 'reelpilot_api', { max: 2, name: 'test charger', onError: () => undefined })
const limiter = await startLimiter({ db: api.db, role: 'reelpilot_api', onError: () => undefined })
const charge = createChargeApiKey(limiter, bucket)
for (;;) {
  const before = process.hrtime.bigint()
  const result = await charge({ organizationId, keyId: 'key' }, 1)
  if (result?.allowed)
    process.stdout.write(`${Number(before) / 1e6} ${Number(process.hrtime.bigint()) / 1e6}\n`)
  await new Promise((resolve) => setTimeout(resolve, 1))
}
