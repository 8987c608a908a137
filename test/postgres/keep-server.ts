// Starts a server, prints it as one line of JSON, and runs until it is killed.
import { startEmbeddedServer } from '../../src/postgres/server.ts'

const [directory = ''] = process.argv.slice(2)
const { url, attached, firstRun } = await startEmbeddedServer({ directory })
console.log(JSON.stringify({ url, attached, firstRun }))
setInterval(() => undefined, 60_000)
