/** Processes that the children live in. */
export const HOSTS = 4

export const CHILDREN_PER_HOST = 16

export const CHILDREN: number = HOSTS * CHILDREN_PER_HOST

/** Of each content; bytes. */
export const CONTENT_LENGTH: number = 32 * 1024 * 1024
