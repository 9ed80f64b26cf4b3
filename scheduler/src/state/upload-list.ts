import type { Assignment } from './member.ts'

/** What one member sends, linked by the assignments themselves: mostly one or none, and there is a list for each peer in each task. */
export class UploadList implements Iterable<Assignment> {
  #first: Assignment | undefined

  /** The others follow by `nextUpload`. */
  get first(): Assignment | undefined {
    return this.#first
  }

  add(upload: Assignment): void {
    upload.nextUpload = this.#first
    if (this.#first !== undefined) this.#first.previousUpload = upload
    this.#first = upload
  }

  delete(upload: Assignment): void {
    const { nextUpload, previousUpload } = upload
    if (previousUpload === undefined) this.#first = nextUpload
    else previousUpload.nextUpload = nextUpload
    if (nextUpload !== undefined) nextUpload.previousUpload = previousUpload
    upload.nextUpload = undefined
    upload.previousUpload = undefined
  }

  /** Each may be taken out when it is met. */
  *[Symbol.iterator](): Generator<Assignment> {
    let upload = this.#first
    while (upload !== undefined) {
      const next: Assignment | undefined = upload.nextUpload
      yield upload
      upload = next
    }
  }
}
