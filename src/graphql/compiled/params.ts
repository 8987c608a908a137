/** The parameters of a GraphQL request, of which nothing is certain. */
export type Params = Readonly<Record<string, unknown>>
