import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Metadata, Server } from '@tus/server'
import { deleteMedia } from '../../commands/media/change-media.ts'
import { createUpload, maxUploadBytes } from '../../commands/media/create-upload.ts'
import { checkUploadRoom } from '../../commands/media/upload-room.ts'
import type { Logger } from '../../logger.ts'
import { readDatabaseTime, readInOrganization } from '../../store/database.ts'
import { findUpload, type UploadRecord } from '../../store/media/uploads.ts'
import { runOrganizationCommand } from '../../store/run-command.ts'
import { asUnavailable } from '../../store/unavailable.ts'
import type { Signer } from '../../vault/signer.ts'
import type { Authenticate } from '../authenticate.ts'
import { type FinishDeps, finishUpload } from './finish-upload.ts'
import { authorizeUpload, type UploadAccess } from './upload-access.ts'
import { uploadPath } from './upload-path.ts'
import {
  allowOtherOrigins,
  bodyOf,
  diskFull,
  problemOfRefusal,
  sendUploadProblem,
  UploadProblem,
  uploadGone,
  uploadNotFound,
} from './upload-problem.ts'

export interface UploadRouteOptions extends FinishDeps {
  readonly signer: Signer
  /** The public address of the API. Undefined: the origin of each request. */
  readonly publicUrl: string | undefined
  readonly log: Logger
}

/** The upload that the current request is about. */
interface Target extends UploadAccess {
  readonly mediaId: string
}

const methods: ReadonlySet<string> = new Set(['POST', 'HEAD', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * Receives uploads by the tus protocol 1.0 at `/uploads`: creation, resumption, termination, expiration. Authorisation, sizes, types and
 * quota are checked before the first byte is read; the tus server takes care of the protocol and the bytes.
 */
export function createUploadRoute(options: UploadRouteOptions) {
  const { db, deps, notifications, files, publicUrl, log } = options
  const target = new AsyncLocalStorage<Target>()
  const current = (): Target => {
    const found = target.getStore()
    if (!found) throw new Error('a request of an upload has no target')
    return found
  }
  const finishing = new Map<string, Promise<void>>()
  /** Once at a time for each upload: the sweep and a client may both notice that its last byte has arrived. */
  const finish = (organizationId: string, mediaId: string): Promise<void> => {
    const running =
      finishing.get(mediaId) ??
      finishUpload(options, organizationId, mediaId).finally(() => finishing.delete(mediaId))
    finishing.set(mediaId, running)
    return running
  }

  const tus = new Server({
    path: uploadPath,
    datastore: files.store,
    maxSize: maxUploadBytes,
    namingFunction: () => files.nameOf(current().organizationId, current().mediaId),
    getFileIdFromRequest: () => files.nameOf(current().organizationId, current().mediaId),
    generateUrl: (_request, { proto, host }) =>
      `${publicUrl ?? `${proto}://${host}`}${uploadPath}/${current().mediaId}`,
    onUploadFinish: async () => {
      await finish(current().organizationId, current().mediaId)
      return {}
    },
    onResponseError: (_request, error) => {
      if (error instanceof UploadProblem) return { status_code: error.status_code, body: error.body }
      if ('status_code' in error)
        return { status_code: error.status_code, body: bodyOf('UPLOAD_REFUSED', error.body.trim()) }
      log.error({ err: error }, 'an upload failed')
      return { status_code: 500, body: bodyOf('INTERNAL', 'The server failed to receive the upload.') }
    },
  })

  const read = (organizationId: string, mediaId: string): Promise<UploadRecord | undefined> =>
    readInOrganization(db, organizationId, (tx) => findUpload(tx, organizationId, mediaId))

  /** Creates the upload that a POST asks for, or finds the one that its token is for. Null if nothing is to be uploaded. */
  const create = async (
    request: IncomingMessage,
    access: UploadAccess,
  ): Promise<{ readonly mediaId: string; readonly isArriving: boolean }> => {
    const { organizationId, keyId } = access
    const length = request.headers['upload-length']
    if (typeof length !== 'string' || !/^\d{1,15}$/.test(length))
      throw new UploadProblem(400, 'INVALID_INPUT', 'Upload-Length: must be the size of the file, in bytes')
    const sizeBytes = Number(length)
    if (access.mediaId !== null) {
      const upload = await read(organizationId, access.mediaId)
      if (!upload) throw uploadNotFound()
      if (upload.state === 'expired') throw uploadGone()
      if (upload.declaredBytes !== sizeBytes)
        throw new UploadProblem(
          400,
          'INVALID_INPUT',
          `Upload-Length: is ${sizeBytes}, but createUpload announced ${upload.declaredBytes} bytes`,
        )
      return { mediaId: upload.id, isArriving: upload.state === 'uploading' }
    }
    const metadata = metadataOf(request)
    const created = await runOrganizationCommand(db, organizationId, notifications, (tx) =>
      createUpload(tx, deps, {
        organizationId,
        sizeBytes,
        contentType: metadata.filetype ?? metadata.type ?? '',
        sha256: metadata.sha256 ?? null,
        fileName: metadata.filename ?? metadata.name ?? null,
        title: metadata.title ?? null,
        tags: [],
        addedBy: keyId,
      }),
    )
    if (created.kind !== 'done') throw problemOfRefusal(created)
    return { mediaId: created.mediaId, isArriving: created.expiresAt !== null }
  }

  const checkRoom = async ({ organizationId, mediaId }: Target, bytes: number): Promise<void> => {
    const short = await runOrganizationCommand(db, organizationId, notifications, async (tx) =>
      checkUploadRoom(tx, { organizationId, at: await readDatabaseTime(tx), bytes, mediaId }),
    )
    if (short) throw problemOfRefusal(short)
    const arrived = await files.find(organizationId, mediaId)
    if (!(await files.hasRoom(bytes - (arrived?.offset ?? 0)))) throw diskFull()
  }

  const serve = async (
    request: IncomingMessage,
    response: ServerResponse,
    authenticate: Authenticate,
  ): Promise<void> => {
    const { method = '' } = request
    if (method === 'OPTIONS') return await tus.handle(request, response)
    if (!methods.has(method))
      throw new UploadProblem(405, 'METHOD_NOT_ALLOWED', 'Uploads take POST, HEAD, PATCH and DELETE only.', {
        allow: [...methods].join(', '),
      })
    const access = await authorizeUpload(options, authenticate, request.headers.authorization)
    const { organizationId } = access
    const name =
      (request.url ?? '')
        .split('?')[0]
        ?.replace(/\/$/, '')
        .slice(uploadPath.length + 1) ?? ''

    if (method === 'POST') {
      if (name !== '') throw uploadNotFound()
      const { mediaId, isArriving } = await create(request, access)
      const found = { ...access, mediaId }
      // A client that lost the answer asks again; what has arrived is kept.
      if (!isArriving || (await files.find(organizationId, mediaId))) {
        const origin = publicUrl ?? `http://${request.headers.host ?? ''}`
        return void response
          .writeHead(201, {
            location: `${origin}${uploadPath}/${mediaId}`,
            'tus-resumable': '1.0.0',
            'access-control-expose-headers': 'Location, Tus-Resumable',
            connection: 'close',
          })
          .end()
      }
      await checkRoom(found, Number(request.headers['upload-length']))
      return await target.run(found, () => tus.handle(request, response))
    }

    const isOwn = isUuid(name) && (access.mediaId === null || access.mediaId === name)
    const upload = isOwn ? await read(organizationId, name) : undefined
    if (!upload) throw uploadNotFound()
    const found = { ...access, mediaId: upload.id }
    const arrived = upload.state === 'uploading' ? await files.find(organizationId, upload.id) : undefined
    if (arrived && arrived.offset === arrived.size && method !== 'DELETE') {
      await finish(organizationId, upload.id)
      return sendComplete(response, method, upload)
    }
    if (upload.state === 'expired') throw uploadGone()
    if (upload.state !== 'uploading') return sendComplete(response, method, upload)
    if (!arrived && method !== 'DELETE') throw uploadNotFound()
    if (method === 'PATCH') await checkRoom(found, upload.declaredBytes)
    if (method === 'DELETE') {
      await runOrganizationCommand(db, organizationId, notifications, (tx) => deleteMedia(tx, deps, found))
      await files.remove(organizationId, upload.id)
      return void response.writeHead(204, { 'tus-resumable': '1.0.0' }).end()
    }
    await target.run(found, () => tus.handle(request, response))
  }

  return {
    path: uploadPath,
    isPrefix: true,
    async handle(
      request: IncomingMessage,
      response: ServerResponse,
      authenticate: Authenticate,
    ): Promise<void> {
      allowOtherOrigins(response)
      try {
        await serve(request, response, authenticate)
      } catch (error) {
        const problem = problemOf(error, request)
        if (!problem) throw error
        sendUploadProblem(response, problem)
      }
    },
    /** Completes uploads whose last byte had arrived when their process ended, and removes what is no longer awaited. */
    async sweep(): Promise<void> {
      for (const { organizationId, mediaId } of await files.list()) {
        const upload = await read(organizationId, mediaId)
        const arrived = await files.find(organizationId, mediaId)
        if (upload?.state !== 'uploading') await files.remove(organizationId, mediaId)
        else if (arrived && arrived.offset === arrived.size)
          await finish(organizationId, mediaId).catch((error) => {
            // Its client is told the problem when it asks.
            if (!(error instanceof UploadProblem)) throw error
          })
      }
    },
  }
}

/** What a client is answered for an error; null if it is not about the upload. */
function problemOf(error: unknown, { method }: IncomingMessage): UploadProblem | null {
  if (error instanceof UploadProblem) return error
  // At another status a tus client takes its upload for lost, and begins a new one.
  if (method === 'HEAD' && asUnavailable(error))
    return new UploadProblem(423, 'UNAVAILABLE', 'The server cannot look the upload up. Ask again.')
  return null
}

const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

/** Answers about an upload that has all its bytes. There is nothing to add to it, and nothing to give up. */
function sendComplete(response: ServerResponse, method: string, { declaredBytes }: UploadRecord): void {
  const headers = { 'tus-resumable': '1.0.0', 'cache-control': 'no-store', connection: 'close' }
  if (method !== 'HEAD')
    throw new UploadProblem(409, 'UPLOAD_COMPLETE', 'All bytes of this upload have arrived.')
  response
    .writeHead(200, {
      ...headers,
      'upload-offset': declaredBytes,
      'upload-length': declaredBytes,
      'access-control-expose-headers': 'Upload-Offset, Upload-Length, Tus-Resumable',
    })
    .end()
}

/** What the client says about the file: keys by the convention of tus clients. */
function metadataOf({ headers }: IncomingMessage): Readonly<Record<string, string | null | undefined>> {
  const header = headers['upload-metadata']
  if (typeof header !== 'string' || header === '') return {}
  try {
    return Metadata.parse(header)
  } catch {
    throw new UploadProblem(400, 'INVALID_INPUT', 'Upload-Metadata: is malformed')
  }
}
