import { once } from 'node:events'
import { openKeyFile } from '../../src/vault/key-file.ts'

/**
 * Waits for input, then opens a key file, adds `keys` keys, and prints their ids and that of the primary key that it found:
 * `node key-file-user.ts <file> <keys>`.
 */
const [file = '', keys = '0'] = process.argv.slice(2)
console.log('ready')
await once(process.stdin, 'data')

const keyFile = openKeyFile(file)
const { primary } = keyFile.ring()
const added: string[] = []
for (let left = Number(keys); left > 0; left -= 1) added.push((await keyFile.addKey()).id)
console.log(JSON.stringify({ primary: primary.id, added }))
process.stdin.destroy()
