/** Where uploads are created; each is below it under the id of its media. */
export const uploadPath = '/uploads'
