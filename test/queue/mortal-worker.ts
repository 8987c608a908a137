import { startWorkerRole } from '../../src/app/worker.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { createLogger } from '../../src/logger.ts'
import { connect } from '../../src/store/database.ts'
import { toyMachine } from '../support/toy-machine.ts'

/** A worker process that its first step kills. */
const databaseUrl = process.argv[2] ?? ''
await startWorkerRole({
  databaseUrl,
  runtime: connect(databaseUrl, 'reelpilot_runtime', { max: 4, name: 'mortal', onError: () => undefined }),
  machines: catalogueOf([toyMachine]),
  steps: () => ({
    runLap: async () => {
      process.kill(process.pid, 'SIGKILL')
      return new Promise(() => undefined)
    },
  }),
  concurrency: 1,
  log: createLogger('silent', false),
})
