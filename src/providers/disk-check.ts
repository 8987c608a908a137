import { rm, statfs } from 'node:fs/promises'
import path from 'node:path'
import { HostFault, hostFaultOf } from './host-fault.ts'
import { temporaryName, writeDurably } from './storage/durable-file.ts'

/** A disk with less free space counts as full: a video with its scenes needs some tens of megabytes. */
const minFreeBytes = 64 * 1024 * 1024
const probe = Buffer.alloc(1024 * 1024)

/** Writes 1 MB to the directory and removes it. Throws a HostFault if that fails. */
export async function probeWriting(directory: string): Promise<void> {
  const file = path.join(directory, temporaryName())
  try {
    await writeDurably(file, [probe])
  } catch (cause) {
    throw new HostFault(hostFaultOf(cause) ?? 'DISK_UNUSABLE', 'the disk accepts no more data', { cause })
  } finally {
    await rm(file, { force: true }).catch(() => undefined)
  }
}

/** Throws a HostFault if the directory is not writable, or if too little space is free for the next video. */
export async function checkDisk(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory).catch((cause) => {
    throw new HostFault(hostFaultOf(cause) ?? 'DISK_UNUSABLE', 'the directory cannot be read', { cause })
  })
  const free = bavail * bsize
  if (free < minFreeBytes)
    throw new HostFault('DISK_FULL', `only ${Math.floor(free / 1024 / 1024)} MB are free on the disk`)
  await probeWriting(directory)
}
