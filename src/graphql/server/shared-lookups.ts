import { batchByKey } from '../../durable/batch.ts'
import { type Db, type Executor, readInOrganization } from '../../store/database.ts'
import { asUnavailable } from '../../store/unavailable.ts'

/** Finds rows of an organization by their ids. */
export type Find<Row> = (
  db: Executor,
  organizationId: string,
  ids: readonly string[],
) => Promise<readonly Row[]>

/** Finds the rows of some ids, and maybe others. */
export type LookUp = <Row>(find: Find<Row>, ids: readonly string[]) => Promise<readonly Row[]>

interface Request {
  readonly organizationId: string
  readonly ids: readonly string[]
}

type Send = (request: Request) => Promise<readonly unknown[]>

/**
 * Lookups whose requests share statements: those of one organization and type that wait while two of their statements run become the
 * next one. A statement starts after the requests that it serves, so each of them sees what was committed before it.
 */
export function createSharedLookups(db: Db): (organizationId: string) => LookUp {
  const sends = new Map<Find<unknown>, Send>()
  const sendOf = (find: Find<unknown>): Send => {
    const known = sends.get(find)
    if (known) return known
    const send = batchByKey(
      ({ organizationId }: Request) => organizationId,
      (group) => findAll(find, group),
      {
        maxSize: 50,
        isCommon: (error) => asUnavailable(error) !== null,
      },
    )
    sends.set(find, send)
    return send
  }
  const findAll = async (find: Find<unknown>, group: readonly Request[]) => {
    const [first] = group
    if (!first) return []
    const ids = [...new Set(group.flatMap((request) => request.ids))]
    const { organizationId } = first // All of a group have the same.
    const rows = await readInOrganization(db, organizationId, (tx) => find(tx, organizationId, ids))
    return group.map(() => rows)
  }
  return (organizationId) =>
    async <Row>(find: Find<Row>, ids: readonly string[]) =>
      // Only `find` itself makes rows of this type.
      (await sendOf(find as Find<unknown>)({ organizationId, ids })) as readonly Row[]
}
