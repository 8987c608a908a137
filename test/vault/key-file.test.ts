import { spawn } from 'node:child_process'
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/secret.ts'
import { createEncryptor } from '../../src/vault/encryptor.ts'
import { openKeyFile } from '../../src/vault/key-file.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { associatedData, newKey, temporaryDirectory } from './support.ts'

const newFile = async () => path.join(await temporaryDirectory(), 'secret-key')
const idsOf = (ring: { readonly keys: readonly { readonly id: string }[] }) => ring.keys.map(({ id }) => id)

interface User {
  readonly primary: string
  readonly added: readonly string[]
}

/** Starts processes that open the file at the same moment, once all of them are ready. */
async function processesAtOnce(count: number, file: string, keys = 0): Promise<readonly User[]> {
  const program = new URL('key-file-user.ts', import.meta.url).pathname
  const users = Array.from({ length: count }, () => {
    const child = spawn(process.execPath, [program, file, String(keys)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
  })
  for (const { lines } of users) expect((await lines.next()).value).toBe('ready')
  for (const { child } of users) child.stdin.write('go')
  return await Promise.all(
    users.map(async ({ lines }) => JSON.parse((await lines.next()).value ?? '') as User),
  )
}

describe('a key file', () => {
  it('is created on first use with one key, readable by its owner only', async () => {
    const file = await newFile()
    const { primary, keys } = openKeyFile(file).ring()
    expect(keys).toEqual([primary])
    expect(await readFile(file, 'utf8')).toBe(`${primary.bytes.toString('base64')}\n`)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('is kept when it is opened again, and its permissions are restored', async () => {
    const file = await newFile()
    const first = openKeyFile(file).ring()
    await chmod(file, 0o644)
    expect(openKeyFile(file).ring().primary.id).toBe(first.primary.id)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('may have a single line without a line feed, as older versions wrote it', async () => {
    const file = await newFile()
    const key = newKey()
    await writeFile(file, key.toString('base64'))
    const keyFile = openKeyFile(file)
    expect(keyFile.ring().primary.bytes).toEqual(key)

    const added = await keyFile.addKey()
    expect(idsOf(keyFile.ring())).toEqual([added.id, keyRingOf([key]).primary.id])
  })

  it('gets a new primary key in front and loses the dropped keys', async () => {
    const file = await newFile()
    const keyFile = openKeyFile(file)
    const first = keyFile.ring().primary
    const second = await keyFile.addKey()
    const third = await keyFile.addKey()
    expect(keyFile.ring().primary.id).toBe(third.id)
    expect(idsOf(keyFile.ring())).toEqual([third.id, second.id, first.id])
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(4)
    expect((await stat(file)).mode & 0o777).toBe(0o600)

    await keyFile.dropKeys([first.id, 'ffffffff'])
    expect(idsOf(keyFile.ring())).toEqual([third.id, second.id])
    await expect(keyFile.dropKeys([second.id, third.id])).rejects.toThrow('the primary key cannot be dropped')
    expect(idsOf(openKeyFile(file).ring())).toEqual([third.id, second.id])
  })

  it('is read again after a change, so that every process seals with the newest key', async () => {
    const file = await newFile()
    const [here, there] = [openKeyFile(file), openKeyFile(file)]
    const encryptor = createEncryptor(() => here.ring())
    const { id } = await there.addKey()
    expect(encryptor.keyIdOf(encryptor.seal(new Secret('act.x'), associatedData))).toBe(id)
    expect(here.ring()).toBe(here.ring())
  })

  it('is never recreated when it was deleted, which would silently lose the sealed secrets', async () => {
    const file = await newFile()
    const keyFile = openKeyFile(file)
    await rm(file)
    expect(() => keyFile.ring()).toThrow('ENOENT')
    await expect(keyFile.addKey()).rejects.toThrow('ENOENT')
    expect(await readdir(path.dirname(file))).not.toContain('secret-key')
  })

  it.each([
    ['line 2 of', `${newKey().toString('base64')}\nnot a key\n`],
    ['line 1 of', newKey().toString('base64').slice(0, -1)],
    ['has 16 bytes', newKey().subarray(16).toString('base64')],
    ['at least one', ''],
    ['are the same', [1, 1].map((byte) => Buffer.alloc(32, byte).toString('base64')).join('\n')],
  ])('that is not a key ring (%s) is refused without showing its content', async (why, text) => {
    const file = await newFile()
    await writeFile(file, text)
    let refusal: unknown
    try {
      openKeyFile(file)
    } catch (error) {
      refusal = error
    }
    expect(String(refusal)).toContain(why)
    const [line = ''] = text.split('\n')
    if (line) expect(inspect(refusal, { showHidden: true })).not.toContain(line.slice(0, 12))
    expect(await readFile(file, 'utf8')).toBe(text)
  })
})

describe('several processes', () => {
  it('that create the file at the same time get the same key', async () => {
    const file = await newFile()
    const users = await processesAtOnce(4, file)
    const { primary } = openKeyFile(file).ring()
    expect(users.map((user) => user.primary)).toEqual(users.map(() => primary.id))
    expect((await readdir(path.dirname(file))).sort()).toEqual(['secret-key', 'secret-key.lock'])
  })

  it('that add keys at the same time lose none', async () => {
    const file = await newFile()
    const { primary } = openKeyFile(file).ring()
    const users = await processesAtOnce(3, file, 30)
    const ids = idsOf(openKeyFile(file).ring())
    expect(ids).toHaveLength(91)
    expect(new Set(ids)).toEqual(new Set([primary.id, ...users.flatMap(({ added }) => added)]))
    expect(ids.at(-1)).toBe(primary.id)
  })
})
